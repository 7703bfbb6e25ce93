//! Descriptors that the program connected itself.

use socket2::{Domain, Socket, Type};
use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, RawFd};

/// Takes over a connected stream socket. Anything else stays the caller's.
pub(crate) fn adopt(fd: RawFd) -> io::Result<Socket> {
    // SAFETY: fcntl takes any number and fails for one that is not open.
    if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is open, and the program gives it up with this
    // call; where it is refused it is given back below.
    let socket = unsafe { Socket::from_raw_fd(fd) };
    let judged = check(&socket).and_then(|()| socket.set_cloexec(true));
    match judged {
        Ok(()) => Ok(socket),
        Err(error) => {
            let _ = socket.into_raw_fd();
            Err(error)
        }
    }
}

fn check(socket: &Socket) -> io::Result<()> {
    let is_stream = socket.r#type()? == Type::STREAM;
    // A connection has a peer; a socket pair of Unix has an empty name.
    let has_peer = socket.peer_addr().is_ok();
    let known = [Domain::IPV4, Domain::IPV6, Domain::UNIX];
    if is_stream && has_peer && known.contains(&socket.local_addr()?.domain()) {
        Ok(())
    } else {
        Err(io::ErrorKind::NotConnected.into())
    }
}
