/// Starts the clocks of an accepted socket; over the cap it is answered 503 and closed, and there is none.
///
/// To be called within the runtime that will serve the connection.
pub fn admit(&self, socket: TcpStream) -> Option<Clocked> {
    let state = Arc::new(State::new(self.clone()));
    {
        let mut connections = self.connections();
        if connections.len() >= self.0.cap {
            drop(connections);
            self.refuse(socket);
            return None;
        }
        connections.insert(key(&state), Arc::clone(&state));
        self.0.open.store(connections.len(), Ordering::Relaxed);
    }
    Some(Clocked::new(socket, Admission(state)))
}
