//! The clients of one server: as many as the slider says, each a task of one runtime, each asking again and again.
//!
//! Not the load generator: that one runs a plan that is fixed before it starts, and this one is turned while it runs.
//! Its numbers are for looking at. What is to be believed comes from `lab compare`.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use load::{Reply, Step};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, sleep_until, timeout};

use super::dial::MOST_CLIENTS;

/// As many requests are drawn as bars.
pub const BARS: usize = 60;
/// Of as many clients, so that one sees what became of those before: of more, every so manieth is drawn.
const DRAWN: usize = 20;
/// The innocent route is asked this often.
const PROBED_EVERY: Duration = Duration::from_millis(50);
/// After a failure, so that a server that refuses is not asked in a loop.
const AFTER_FAILURE: Duration = Duration::from_millis(250);
/// No client waits longer.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a second of rate may be late by is sent at once, and no more.
const MOST_OWED: usize = MOST_CLIENTS;

/// What the clients are to do from now on.
#[derive(Clone, Debug)]
pub struct Order {
    /// Where the server is; it may have been started anew.
    pub addr: SocketAddr,
    /// `{n}` becomes another number each time.
    pub path: &'static str,
    /// Those past this number rest.
    pub clients: usize,
    /// Requests a second for all clients together; they ask in turn if it is 0.
    pub rate: usize,
    /// Between an answer and the next request.
    pub rest: Duration,
    /// Counts the orders: a client leaves its request when it changes, unless only the number of clients has.
    pub scene: u64,
}

/// One request, as the page draws it: milliseconds since the page's clock began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// When it was sent, or should have been.
    pub sent: f64,
    /// When its answer was whole; none yet.
    pub done: Option<f64>,
    /// Whether the answer was the one that was asked for.
    pub ok: bool,
}

/// What happened since it was last asked.
#[derive(Clone, Debug)]
pub struct Tally {
    /// In microseconds, from sent (or intended) to answered.
    pub latency: Histogram<u64>,
    /// Answers.
    pub answered: u64,
    /// Whatever was no good answer.
    pub failed: u64,
    /// The slowest answer of the innocent route, in milliseconds.
    pub probe: Option<f64>,
}

impl Default for Tally {
    fn default() -> Self {
        let latency = Histogram::new_with_bounds(1, 600_000_000, 2).expect("the bounds are valid");
        Self { latency, answered: 0, failed: 0, probe: None }
    }
}

/// A handle on the clients; they end when it is dropped.
#[derive(Debug)]
pub struct Crowd {
    orders: watch::Sender<Order>,
    seen: Arc<Seen>,
}

#[derive(Debug)]
struct Seen {
    epoch: Instant,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    tally: Tally,
    bars: VecDeque<Bar>,
    /// The number of the first bar that is kept.
    first: u64,
    in_flight: usize,
    numbers: u64,
    /// When the question to the innocent route was sent that has no answer yet.
    probing: Option<Instant>,
}

impl Crowd {
    /// Starts them on a thread of their own.
    ///
    /// # Errors
    /// When there is no thread or no runtime to be had.
    pub fn start(name: &str, epoch: Instant, order: Order) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (orders, watched) = watch::channel(order);
        let seen = Arc::new(Seen { epoch, book: Mutex::default() });
        let theirs = Arc::clone(&seen);
        let work = move || {
            runtime.block_on(async {
                let tickets = Arc::new(Semaphore::new(0));
                for index in 0..MOST_CLIENTS {
                    let client = Client {
                        index,
                        orders: watched.clone(),
                        tickets: Arc::clone(&tickets),
                        seen: Arc::clone(&theirs),
                    };
                    tokio::spawn(client.run());
                }
                tokio::spawn(probe(watched.clone(), Arc::clone(&theirs)));
                pace(watched, tickets).await;
            });
        };
        thread::Builder::new().name(format!("crowd-{name}")).spawn(work)?;
        Ok(Self { orders, seen })
    }

    /// Whom they ask, from now on.
    pub fn set(&self, order: Order) {
        self.orders.send_replace(order);
    }

    /// What they are doing.
    pub fn order(&self) -> Order {
        self.orders.borrow().clone()
    }

    /// What happened since the last call, what is under way, and the bars.
    pub fn look(&self) -> (Tally, usize, Vec<Bar>) {
        let mut book = self.seen.book();
        let mut tally = std::mem::take(&mut book.tally);
        if let Some(sent) = book.probing {
            // A question that has no answer yet has waited at least so long.
            let stalled = sent.elapsed().as_secs_f64() * 1e3;
            tally.probe = Some(tally.probe.map_or(stalled, |slowest| slowest.max(stalled)));
        }
        (tally, book.in_flight, book.bars.iter().copied().collect())
    }

    /// Forgets the bars of the scene before.
    pub fn forget(&self) {
        let mut book = self.seen.book();
        book.first += book.bars.len() as u64;
        book.bars.clear();
        book.tally = Tally::default();
    }
}

impl Seen {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no code panics while it holds the lock")
    }

    fn ms(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.epoch).as_secs_f64() * 1e3
    }

    /// The number of its bar, if it is drawn.
    fn sent(&self, at: Instant, drawn: bool) -> Option<u64> {
        let sent = self.ms(at);
        let mut book = self.book();
        book.in_flight += 1;
        if !drawn {
            return None;
        }
        book.bars.push_back(Bar { sent, done: None, ok: true });
        if book.bars.len() > BARS {
            book.bars.pop_front();
            book.first += 1;
        }
        Some(book.first + book.bars.len() as u64 - 1)
    }

    /// `ok` is none when the client left before there was an answer.
    fn ended(&self, bar: Option<u64>, sent: Instant, ok: Option<bool>) {
        let now = Instant::now();
        let done = self.ms(now);
        let mut book = self.book();
        book.in_flight -= 1;
        let at = bar.and_then(|bar| usize::try_from(bar.checked_sub(book.first)?).ok());
        if let Some(bar) = at.and_then(|at| book.bars.get_mut(at)) {
            (bar.done, bar.ok) = (Some(done), ok == Some(true));
        }
        match ok {
            Some(true) => {
                let micros = u64::try_from((now - sent).as_micros()).unwrap_or(u64::MAX);
                book.tally.latency.saturating_record(micros);
                book.tally.answered += 1;
            }
            Some(false) => book.tally.failed += 1,
            None => {}
        }
    }

    fn number(&self) -> u64 {
        let mut book = self.book();
        book.numbers += 1;
        book.numbers
    }
}

/// One of the clients, and the connection that it keeps.
struct Client {
    index: usize,
    orders: watch::Receiver<Order>,
    tickets: Arc<Semaphore>,
    seen: Arc<Seen>,
}

impl Client {
    /// Asks until the crowd is gone.
    async fn run(mut self) {
        let mut connection = None;
        loop {
            let order = self.orders.borrow_and_update().clone();
            // With a rate every client may be needed: they are the connections that may be busy.
            let asks = order.rate > 0 || self.index < order.clients;
            if !asks {
                connection = None;
                if self.orders.changed().await.is_err() {
                    return;
                }
                continue;
            }
            if order.rate > 0 {
                tokio::select! {
                    ticket = self.tickets.acquire() => match ticket {
                        Ok(ticket) => ticket.forget(),
                        Err(_) => return,
                    },
                    changed = self.orders.changed() => match changed {
                        Ok(()) => continue,
                        Err(_) => return,
                    },
                }
            }
            let ok = match self.ask(&order, &mut connection).await {
                Ok(ok) => ok,
                Err(Gone) => return,
            };
            let rest = if ok { order.rest } else { AFTER_FAILURE };
            if !rest.is_zero() {
                sleep(rest).await;
            }
        }
    }

    /// One request, left as soon as another scene is on.
    async fn ask(
        &mut self,
        order: &Order,
        connection: &mut Option<TcpStream>,
    ) -> Result<bool, Gone> {
        let path = order.path.replace("{n}", &self.seen.number().to_string());
        let sent = Instant::now();
        let busy = if order.rate > 0 { 0 } else { order.clients };
        let bar = self.seen.sent(sent, self.index.is_multiple_of(busy.div_ceil(DRAWN).max(1)));
        let mut asking = std::pin::pin!(timeout(PATIENCE, exchange(connection, order.addr, &path)));
        loop {
            tokio::select! {
                answered = &mut asking => {
                    let ok = matches!(answered, Ok(Ok(200)));
                    self.seen.ended(bar, sent, Some(ok));
                    return Ok(ok);
                }
                changed = self.orders.changed() => {
                    let gone = changed.is_err();
                    if gone || self.orders.borrow_and_update().scene != order.scene {
                        self.seen.ended(bar, sent, None);
                        return if gone { Err(Gone) } else { Ok(true) };
                    }
                }
            }
        }
    }
}

/// The crowd was dropped.
struct Gone;

/// Gives out as many tickets a second as the order says.
async fn pace(mut orders: watch::Receiver<Order>, tickets: Arc<Semaphore>) {
    loop {
        let rate = orders.borrow_and_update().rate;
        tickets.forget_permits(tickets.available_permits());
        if rate == 0 {
            if orders.changed().await.is_err() {
                return;
            }
            continue;
        }
        let (began, mut given) = (tokio::time::Instant::now(), 0);
        loop {
            let due = (began.elapsed().as_secs_f64() * rate as f64) as u64;
            let owed = usize::try_from(due - given).unwrap_or(usize::MAX);
            tickets.add_permits(owed.min(MOST_OWED.saturating_sub(tickets.available_permits())));
            given = due;
            let next = began + Duration::from_secs_f64((given + 1) as f64 / rate as f64);
            tokio::select! {
                () = sleep_until(next) => {}
                changed = orders.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
            }
        }
    }
}

/// Asks the innocent route, one question at a time.
async fn probe(mut orders: watch::Receiver<Order>, seen: Arc<Seen>) {
    let mut connection = None;
    loop {
        let (addr, scene) = {
            let order = orders.borrow_and_update();
            (order.addr, order.scene)
        };
        let sent = Instant::now();
        seen.book().probing = Some(sent);
        let answered = {
            let mut asking =
                std::pin::pin!(timeout(PATIENCE, exchange(&mut connection, addr, "/plaintext")));
            loop {
                tokio::select! {
                    answered = &mut asking => break Some(answered.is_ok_and(|status| status.is_ok())),
                    changed = orders.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        if orders.borrow_and_update().scene != scene {
                            break None;
                        }
                    }
                }
            }
        };
        {
            let mut book = seen.book();
            book.probing = None;
            if answered == Some(true) {
                let waited = sent.elapsed().as_secs_f64() * 1e3;
                let slowest = book.tally.probe.map_or(waited, |slowest| slowest.max(waited));
                book.tally.probe = Some(slowest);
            }
        }
        if answered.is_none() {
            connection = None;
        }
        sleep(PROBED_EVERY).await;
    }
}

/// One GET on a connection that is kept if it can be: the status of a whole answer.
async fn exchange(
    connection: &mut Option<TcpStream>,
    addr: SocketAddr,
    path: &str,
) -> io::Result<u16> {
    // Taken, so that a request which is given up leaves no half answer to the next.
    let kept = connection.take().filter(|kept| kept.peer_addr().is_ok_and(|peer| peer == addr));
    let mut stream = match kept {
        Some(kept) => kept,
        None => {
            let stream = TcpStream::connect(addr).await?;
            stream.set_nodelay(true)?;
            stream
        }
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut reply = Reply::default();
    reply.begin(false);
    let mut bytes = [0; 4096];
    loop {
        let count = stream.read(&mut bytes).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match reply.read(&bytes[..count], |_| {}).map_err(io::Error::other)? {
            Step::More => {}
            Step::Whole { .. } => break,
        }
    }
    if !reply.closes() {
        *connection = Some(stream);
    }
    Ok(reply.status())
}
