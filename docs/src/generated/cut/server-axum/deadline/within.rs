/// Awaits `work` for as long as `deadline` allows. Late work is dropped where it awaits, and takes nothing with it.
pub(crate) async fn within<T>(
    deadline: Deadline,
    work: impl Future<Output = T>,
) -> Result<T, Error> {
    let Some(limit) = deadline.limit() else { return Ok(work.await) };
    timeout(limit, work).await.map_err(|_| Problem::deadline_passed().into())
}
