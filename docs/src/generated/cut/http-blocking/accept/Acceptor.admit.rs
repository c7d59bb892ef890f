fn admit(&mut self, stream: TcpStream) {
    let shared = &self.shared;
    let link = Link::new(stream);
    shared.meters.accepted.increment(1);
    if shared.registry.open() >= shared.connections {
        return self.refuse(link);
    }
    let connection = Box::new(Connection::new(Arc::clone(shared), Arc::clone(&link)));
    let started = match &self.pool {
        Some(pool) => {
            pool.give(*connection);
            Ok(())
        }
        None => start(connection, self.threads),
    };
    if let Err((error, _)) = started {
        if self.quiet.may_speak() {
            tracing::warn!(%error, "no thread for a connection");
        }
        self.refuse(link);
    }
}
