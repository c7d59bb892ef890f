/// Waits for `asked`, by `wait`, but no longer than `deadline` allows. The time must be known before the wait begins.
pub(crate) fn within(
    deadline: Deadline,
    asked: Duration,
    wait: impl FnOnce(Duration),
) -> Result<(), Error> {
    let Some(limit) = deadline.limit().filter(|&limit| limit < asked) else {
        wait(asked);
        return Ok(());
    };
    wait(limit);
    Err(Problem::deadline_passed().into())
}
