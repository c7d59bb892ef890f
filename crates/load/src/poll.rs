//! One epoll instance and its timer: how a generator thread waits.
//!
//! The timer is a timerfd because epoll's own timeout counts whole milliseconds, and an open loop at 5,000 a
//! second has to send one every 0.2 ms.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags};
use rustix::time::{timerfd_create, timerfd_settime};

pub(crate) use epoll::{Event, EventFlags};

/// The token of the timer. It only ends the wait; nobody has to act on it.
pub(crate) const TIMER: u64 = u64::MAX;

/// Said by the kernel when the peer will send no more, or the connection is dead.
pub(crate) const GONE: EventFlags = EventFlags::RDHUP.union(EventFlags::HUP).union(EventFlags::ERR);

pub(crate) struct Poll {
    epoll: OwnedFd,
    timer: OwnedFd,
}

impl Poll {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let data = epoll::EventData::new_u64(TIMER);
        epoll::add(&epoll, &timer, data, EventFlags::IN | EventFlags::ET)?;
        Ok(Self { epoll, timer })
    }

    /// Tells of every change on this socket, once for each change (edge-triggered), until it is closed.
    pub(crate) fn watch(&self, socket: impl AsFd, token: u64) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&self.epoll, socket, epoll::EventData::new_u64(token), flags)?)
    }

    /// Waits for events, at most this long, to the microsecond when `exact`.
    pub(crate) fn wait(
        &self,
        events: &mut Vec<Event>,
        timeout: Duration,
        exact: bool,
    ) -> io::Result<()> {
        events.clear();
        if exact && !timeout.is_zero() {
            let once =
                Itimerspec { it_interval: timespec(Duration::ZERO), it_value: timespec(timeout) };
            timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        }
        match epoll::wait(&self.epoll, spare_capacity(events), Some(&timespec(timeout))) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec::try_from(duration).expect("waits are bounded by seconds")
}
