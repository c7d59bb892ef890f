/// The next bytes, `None` at the end. Blocks until the client sends, for as long as a client may take.
pub(crate) fn chunk(&mut self) -> Result<Option<&[u8]>, Error> {
    self.chunk.resize(CHUNK, 0);
    loop {
        match self.body.read(&mut self.chunk) {
            Ok(0) => return Ok(None),
            Ok(read) => return Ok(Some(&self.chunk[..read])),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(&error, self.limit).into()),
        }
    }
}
