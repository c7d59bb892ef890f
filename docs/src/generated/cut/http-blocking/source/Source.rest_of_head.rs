/// The slow path: the head did not come in one read.
fn rest_of_head(&mut self, limits: &Limits) -> Arrival {
    let deadline = Instant::now() + limits.head_deadline;
    let mut scan = Scan::default();
    let mut parsed = self.unused().len();
    let mut work = 0;
    loop {
        let ended = match scan.go_on(self.unused(), limits) {
            Ok(ended) => ended,
            Err(refusal) => return Arrival::Refused(refusal),
        };
        let length = self.unused().len();
        if length > parsed && (ended || work < EAGER || length >= 2 * parsed) {
            parsed = length;
            work += length;
            match head::parse(self.unused(), limits) {
                Ok(Some((head, length))) => return self.arrived(head, length),
                // The empty line is there, and still it is no head.
                Ok(None) if ended => return Arrival::Refused(Refusal::Malformed),
                Ok(None) => {}
                Err(refusal) => return Arrival::Refused(refusal),
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match self.fill(SMALL, left) {
            _ if left.is_zero() => return Arrival::Refused(Refusal::TooSlow),
            Ok(1..) => {}
            Err(error) if is_timeout(&error) => return Arrival::Refused(Refusal::TooSlow),
            Ok(0) | Err(_) => return Arrival::Silence,
        }
    }
}
