/// Whether the reply under way should be its connection's last: the server drains, or is so nearly full that
/// clients which only keep their connection would starve the rest.
pub fn wants_close(&self) -> bool {
    self.is_draining() || self.open() >= self.0.cap - self.0.cap / 20
}
