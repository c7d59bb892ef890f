/// All of it, once it is here. Memory grows with what comes, not with what was announced, and within the budget of all
/// requests.
pub(crate) async fn whole(mut self) -> Result<Whole, Error> {
    let (mut whole, mut held) = (BytesMut::new(), self.budget.hold());
    while let Some(chunk) = self.chunk().await? {
        held.grow(chunk.len())?;
        whole.extend_from_slice(&chunk);
    }
    Ok(Whole { bytes: whole.freeze(), held })
}
