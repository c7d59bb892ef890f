/// Writes all of `parts`, in one call where the socket takes them.
pub(crate) fn send(mut stream: &TcpStream, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
    let mut silent = 0;
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        let sent = match &*parts {
            [part] => stream.write(part),
            parts => stream.write_vectored(parts),
        };
        match sent {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                IoSlice::advance_slices(&mut parts, count);
                // If something is left, this call waited a step after the last byte.
                silent = 1;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_timeout(&error) => {
                silent += 1;
                if silent >= STEPS {
                    // What the kernel still holds for this client would stay for minutes: reset.
                    let _ = set_socket_linger(stream, Some(Duration::ZERO));
                    return Err(io::Error::new(ErrorKind::TimedOut, "the client does not read"));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
