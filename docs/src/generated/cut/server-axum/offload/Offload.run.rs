/// Runs a blocking call on a thread of the pool and awaits its result.
///
/// Dropping the future gives up the result, not the call: a thread that blocks cannot be interrupted. What the call
/// panics with goes on here, as if it had been called here.
pub(crate) async fn run<T: Send + 'static>(
    &self,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
        return Err(Problem::offload_full().into());
    };
    let waiting = Counted::new(&self.waiting);
    let thread = Arc::clone(&self.threads).acquire_owned().await.expect("never closed");
    drop(waiting);
    let running = Counted::new(&self.running);
    // The permits go along with the call: they are free when it ends, not when nobody waits for it any more.
    let ended = spawn_blocking(move || {
        let _held = (place, thread, running);
        carried(call)
    });
    match ended.await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(panic)) => panic.again(),
        Err(_) => Err(Problem::internal().into()),
    }
}
