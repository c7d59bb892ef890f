/// The same upstream under the same permits, over connections of its own: a new client, which has none yet.
///
/// A connection is driven by a task of the runtime that made it. Where each worker is a runtime of one thread, a
/// connection from another worker would answer only when that worker has time: give each worker its own. On one
/// runtime of many threads, clones do. For each request it is a mistake.
pub fn apart(&self) -> Self {
    Self { client: client(self.addresses.clone(), &self.limits), ..self.clone() }
}
