/// Whoever comes next waits its turn, each on its thread, so many that wait wait in turn. No await is needed for that.
pub(crate) fn lock_across_await(Path(wait): Path<Wait>) -> Json<Waited> {
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    *asked += 1;
    sleep(wait.duration());
    Json(wait.waited())
}
