//! What a process spends, from outside: CPU, threads, switches, memory and the kernel's share of it.

use std::fs::{self, ReadDir};
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// What the kernel keeps for each thread's own stack (THREAD_SIZE on x86-64 and arm64).
pub const KERNEL_STACK: u64 = 16 * 1024;

/// What a process has spent so far, with those it started that still run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// User and system time of all its threads, ended ones included, to the nanosecond: the process's CPU clock
    /// (`clock_getcpuclockid(3)`).
    pub total: Duration,
    /// The user part, from `/proc/PID/stat`: in ticks of 10 ms, and where the kernel samples at ticks an estimate.
    pub user: Duration,
    /// The system part, likewise.
    pub system: Duration,
}

impl Cpu {
    /// Reads it.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn of(pid: u32) -> io::Result<Self> {
        let started = children(pid).filter_map(|child| Self::of_one(child).ok());
        Ok(started.fold(Self::of_one(pid)?, |sum, one| Self {
            total: sum.total + one.total,
            user: sum.user + one.user,
            system: sum.system + one.system,
        }))
    }

    fn of_one(pid: u32) -> io::Result<Self> {
        let clock = clock_getcpuclockid(Pid::from_raw(pid.cast_signed()))?;
        let total = Duration::from(clock_gettime(clock)?);
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name may hold spaces and parentheses; after its last one come field 3 and on (proc_pid_stat(5)).
        let after_name = stat.rsplit(") ").next().unwrap_or_default();
        let mut ticks = after_name.split(' ').skip(11).map(|text| text.parse().unwrap_or(0));
        let mut part = || {
            let seconds =
                ticks.next().unwrap_or(0) as f64 / rustix::param::clock_ticks_per_second() as f64;
            Duration::from_secs_f64(seconds)
        };
        Ok(Self { total, user: part(), system: part() })
    }

    /// What all children of this process had spent that have ended and were waited for, to the microsecond: before and
    /// after one was waited for, what that one spent.
    ///
    /// # Errors
    /// Never on Linux.
    pub fn of_ended_children() -> io::Result<Self> {
        let spent = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let time = |part: TimeVal| {
            Duration::from_micros(u64::try_from(part.num_microseconds()).unwrap_or(0))
        };
        let (user, system) = (time(spent.user_time()), time(spent.system_time()));
        Ok(Self { total: user + system, user, system })
    }
}

/// What a process and those it started hold at one moment, with what the whole machine's kernel holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Threads.
    pub threads: u64,
    /// Resident memory: VmRSS. Of a process that forked, the sum of what each has of its own and of its share in what
    /// they have together: Pss.
    pub rss_bytes: u64,
    /// Page tables: VmPTE. The kernel's, and not in RSS.
    pub page_table_bytes: u64,
    /// The machine's, for what no process file tells.
    pub machine: Machine,
}

/// The most resident memory a process has had since it began, in bytes: VmHWM.
///
/// # Errors
/// When there is no such process.
pub fn peak_rss(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(number_after(&status, "VmHWM:") * 1024)
}

/// What the kernel holds for everybody. On loopback the generator's sockets are in it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// KernelStack of `/proc/meminfo`.
    pub kernel_stack_bytes: u64,
    /// PageTables of `/proc/meminfo`.
    pub page_table_bytes: u64,
    /// Slab of `/proc/meminfo`: sockets, files, tasks.
    pub slab_bytes: u64,
    /// What TCP buffers hold: `mem` of `/proc/net/sockstat`.
    pub socket_buffer_bytes: u64,
    /// TCP sockets of any kind: `alloc` of `/proc/net/sockstat`.
    pub sockets: u64,
}

impl Held {
    /// Reads it.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn by(pid: u32) -> io::Result<Self> {
        let mut sum = Self::by_one(pid)?;
        let mut started = children(pid).peekable();
        if started.peek().is_some() {
            sum.rss_bytes = share(pid)?;
        }
        for child in started {
            let (Ok(one), Ok(share)) = (Self::by_one(child), share(child)) else { continue };
            sum.threads += one.threads;
            sum.rss_bytes += share;
            sum.page_table_bytes += one.page_table_bytes;
        }
        Ok(Self { machine: Machine::now()?, ..sum })
    }

    fn by_one(pid: u32) -> io::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        Ok(Self {
            threads: number_after(&status, "Threads:"),
            rss_bytes: number_after(&status, "VmRSS:") * 1024,
            page_table_bytes: number_after(&status, "VmPTE:") * 1024,
            machine: Machine::default(),
        })
    }

    /// Kernel stacks by the count of threads; to be checked against the machine's own figure.
    pub fn kernel_stack_bytes(&self) -> u64 {
        self.threads * KERNEL_STACK
    }

    /// The larger of each.
    fn max(self, other: Self) -> Self {
        let (ours, theirs) = (self.machine, other.machine);
        Self {
            threads: self.threads.max(other.threads),
            rss_bytes: self.rss_bytes.max(other.rss_bytes),
            page_table_bytes: self.page_table_bytes.max(other.page_table_bytes),
            machine: Machine {
                kernel_stack_bytes: ours.kernel_stack_bytes.max(theirs.kernel_stack_bytes),
                page_table_bytes: ours.page_table_bytes.max(theirs.page_table_bytes),
                slab_bytes: ours.slab_bytes.max(theirs.slab_bytes),
                socket_buffer_bytes: ours.socket_buffer_bytes.max(theirs.socket_buffer_bytes),
                sockets: ours.sockets.max(theirs.sockets),
            },
        }
    }
}

impl Machine {
    /// Reads it.
    ///
    /// # Errors
    /// When `/proc` is not there.
    pub fn now() -> io::Result<Self> {
        let meminfo = fs::read_to_string("/proc/meminfo")?;
        let sockstat = fs::read_to_string("/proc/net/sockstat")?;
        let tcp = sockstat.lines().find(|line| line.starts_with("TCP:")).unwrap_or_default();
        Ok(Self {
            kernel_stack_bytes: number_after(&meminfo, "KernelStack:") * 1024,
            page_table_bytes: number_after(&meminfo, "PageTables:") * 1024,
            slab_bytes: number_after(&meminfo, "Slab:") * 1024,
            socket_buffer_bytes: number_after(tcp, "mem") * rustix::param::page_size() as u64,
            sockets: number_after(tcp, "alloc"),
        })
    }
}

/// Context switches of the threads alive when it was read; the kernel tells none of threads that have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Switches {
    /// The thread gave its CPU up: it waited.
    pub voluntary: u64,
    /// The scheduler took it.
    pub involuntary: u64,
}

/// Those that a process started and that still run: a server may fork its workers (proc_tid_children(5)). None where the
/// kernel does not tell.
fn children(pid: u32) -> impl Iterator<Item = u32> {
    let told = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let pids: Vec<u32> = told.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    pids.into_iter()
}

/// Pss of `/proc/PID/smaps_rollup` (proc_pid_smaps(5)): a page that two have in common counts half for each.
fn share(pid: u32) -> io::Result<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    Ok(number_after(&rollup, "\nPss:") * 1024)
}

fn tasks(pid: u32) -> io::Result<ReadDir> {
    fs::read_dir(format!("/proc/{pid}/task"))
}

impl Switches {
    /// Reads one file for each thread: at 10,000 threads that is a tenth of a second.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn of(pid: u32) -> io::Result<Self> {
        let mut sum = Self::default();
        let started = children(pid).filter_map(|child| tasks(child).ok()).flatten();
        for task in tasks(pid)?.chain(started) {
            // A thread may end between the listing and the reading.
            let Ok(status) = fs::read_to_string(task?.path().join("status")) else { continue };
            sum.voluntary += number_after(&status, "\nvoluntary_ctxt_switches:");
            sum.involuntary += number_after(&status, "nonvoluntary_ctxt_switches:");
        }
        Ok(sum)
    }
}

/// What a process spent over a window, and held before it and at most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// The window.
    pub window: Duration,
    /// CPU time of all threads, to the nanosecond.
    pub cpu: Duration,
    /// Its user part, in ticks of 10 ms.
    pub user: Duration,
    /// Its system part, in ticks of 10 ms.
    pub system: Duration,
    /// Context switches of threads that were alive at the end, over `switches_window`.
    pub switches: Switches,
    /// As long as the window or longer: reading the switches of many threads takes time, so they are read before it.
    pub switches_window: Duration,
    /// When the sampler was started.
    pub base: Held,
    /// The most of each, between the start and the end.
    pub peak: Held,
    /// At the end.
    pub last: Held,
}

/// Watches a process.
#[derive(Debug)]
pub struct Sampler {
    pid: u32,
    base: Held,
    began: Began,
    stop: mpsc::Sender<()>,
    thread: JoinHandle<Held>,
}

#[derive(Clone, Copy, Debug)]
struct Began {
    at: Instant,
    cpu: Cpu,
    switches_at: Instant,
    switches: Switches,
}

impl Sampler {
    /// Starts to read what the process holds, now and every interval. The window begins here too, until
    /// [`Sampler::begin`] says otherwise.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn start(pid: u32, interval: Duration) -> io::Result<Self> {
        let base = Held::by(pid)?;
        let (switches_at, switches) = (Instant::now(), Switches::of(pid)?);
        let began = Began { switches_at, switches, cpu: Cpu::of(pid)?, at: Instant::now() };
        let (stop, stopped) = mpsc::channel();
        let watch = move || {
            let mut peak = base;
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                let Ok(held) = Held::by(pid) else { break };
                peak = peak.max(held);
            }
            peak
        };
        let thread = thread::Builder::new().name("sampler".into()).spawn(watch)?;
        Ok(Self { pid, base, began, stop, thread })
    }

    /// The window of the switches begins now. Call it some time before [`Sampler::begin`]: see [`Switches::of`].
    pub fn begin_switches(&mut self) {
        let at = Instant::now();
        // A process that has ended is found at the end: nothing more is spent.
        if let Ok(switches) = Switches::of(self.pid) {
            (self.began.switches_at, self.began.switches) = (at, switches);
        }
    }

    /// The window of CPU time begins now.
    pub fn begin(&mut self) {
        if let Ok(cpu) = Cpu::of(self.pid) {
            (self.began.at, self.began.cpu) = (Instant::now(), cpu);
        }
    }

    /// The window ends now. When the process has ended meanwhile, its last reading is the one before.
    pub fn stop(self) -> Usage {
        let (at, cpu) = (Instant::now(), Cpu::of(self.pid).unwrap_or(self.began.cpu));
        let last = Held::by(self.pid).unwrap_or_default();
        let switches = Switches::of(self.pid).unwrap_or(self.began.switches);
        let _ = self.stop.send(());
        let peak = self.thread.join().expect("the sampler does not panic").max(last);
        Usage {
            window: at - self.began.at,
            cpu: cpu.total.saturating_sub(self.began.cpu.total),
            user: cpu.user.saturating_sub(self.began.cpu.user),
            system: cpu.system.saturating_sub(self.began.cpu.system),
            switches: Switches {
                voluntary: switches.voluntary.saturating_sub(self.began.switches.voluntary),
                involuntary: switches.involuntary.saturating_sub(self.began.switches.involuntary),
            },
            switches_window: at - self.began.switches_at,
            base: self.base,
            peak,
            last,
        }
    }
}

/// The number that follows a name in one of the kernel's texts; 0 when the kernel does not say.
fn number_after(text: &str, name: &str) -> u64 {
    let Some((_, rest)) = text.split_once(name) else { return 0 };
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_show_as_cpu_time_and_as_threads_even_after_they_ended() {
        let pid = std::process::id();
        let mut sampler = Sampler::start(pid, Duration::from_millis(5)).unwrap();
        sampler.begin_switches();
        sampler.begin();
        let busy = thread::spawn(|| {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(200) {
                std::hint::spin_loop();
            }
            rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime)
        });
        let spent = busy.join().unwrap();
        let spent = Duration::new(spent.tv_sec as u64, spent.tv_nsec as u32);
        let idle: Vec<_> =
            (0..50).map(|_| thread::spawn(|| thread::sleep(Duration::from_millis(300)))).collect();
        idle.into_iter().for_each(|thread| thread.join().unwrap());
        let usage = sampler.stop();
        assert!(usage.cpu >= spent, "{usage:?} {spent:?}");
        assert!(usage.window >= Duration::from_millis(200), "{usage:?}");
        assert!(usage.peak.threads >= usage.base.threads + 40, "{usage:?}");
        assert!(usage.base.rss_bytes > 100_000 && usage.base.page_table_bytes > 0, "{usage:?}");
        assert!(usage.base.machine.slab_bytes > 0, "{usage:?}");
    }

    #[test]
    fn what_a_child_spent_is_known_once_it_was_waited_for() {
        let before = Cpu::of_ended_children().unwrap();
        let burn = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done";
        assert!(std::process::Command::new("sh").args(["-c", burn]).status().unwrap().success());
        let after = Cpu::of_ended_children().unwrap();
        assert!(after.total >= before.total + Duration::from_millis(1), "{before:?} {after:?}");
    }

    #[test]
    fn a_server_that_forks_is_measured_with_its_workers() {
        let mut forks = std::process::Command::new("sh");
        let mut forks = forks.args(["-c", "sleep 5 & sleep 5 & wait"]).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        while Held::by(forks.id()).unwrap().threads < 3 {
            assert!(Instant::now() < deadline, "{:?}", Held::by(forks.id()));
            thread::sleep(Duration::from_millis(5));
        }
        let (all, own) = (Held::by(forks.id()).unwrap(), share(forks.id()).unwrap());
        assert!(all.rss_bytes > own, "{all:?} {own}");
        let (all, one) = (Cpu::of(forks.id()).unwrap(), Cpu::of_one(forks.id()).unwrap());
        assert!(all.total > one.total, "{all:?} {one:?}");
        forks.kill().unwrap();
        forks.wait().unwrap();
    }

    #[test]
    fn a_wait_is_a_voluntary_switch() {
        let counted = || {
            let before = Switches::of(std::process::id()).unwrap();
            for _ in 0..50 {
                thread::sleep(Duration::from_micros(100));
            }
            let after = Switches::of(std::process::id()).unwrap();
            after.voluntary >= before.voluntary + 50
        };
        // The threads of other tests take their counts with them when they end.
        assert!((0..20).any(|_| counted()));
    }

    #[test]
    fn a_process_that_is_not_there_cannot_be_watched() {
        assert!(Sampler::start(u32::MAX / 2, Duration::from_millis(5)).is_err());
    }
}
