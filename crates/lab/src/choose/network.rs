//! A service as a queueing network of one class: a wait that holds nothing, a CPU with so many cores, a pool with so many
//! places. Product form, solved exactly as a birth-death chain; sources: Lazowska et al., *Quantitative System
//! Performance*, chapters 3, 6 and 8 (flow-equivalent service centres).

/// What one request asks of the network, and how much of each there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    /// Seconds of waiting for which there is always room.
    pub wait_s: f64,
    /// Seconds of one core; more than 0.
    pub cpu_s: f64,
    /// Cores.
    pub cores: f64,
    /// Seconds a place of the pool is held, and how many there are.
    pub pool: Option<(f64, u64)>,
}

/// How it runs, once it runs evenly.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Steady {
    /// Answers a second.
    pub per_second: f64,
    /// The mean time of an answer, in seconds.
    pub mean_s: f64,
    /// Ninety-nine of a hundred are faster.
    pub p99_s: f64,
    /// Requests under way, on average.
    pub in_flight: f64,
}

/// Clients up to which the chain is solved; above, the network is at one of its two straight lines.
const SOLVED: u64 = 50_000;
/// Of the two stations together so many states are solved; past them they work at full rate.
const STATES: usize = 2_000;

impl Network {
    /// The most answers a second.
    pub fn capacity(&self) -> f64 {
        let pool = self.pool.map_or(f64::INFINITY, |(hold_s, places)| places as f64 / hold_s);
        (self.cores / self.cpu_s).min(pool)
    }

    /// A request's own time, with nobody before it.
    pub fn own_s(&self) -> f64 {
        self.wait_s + self.cpu_s + self.pool.map_or(0.0, |(hold_s, _)| hold_s)
    }

    /// So many clients, each asks again when it has its answer and has thought for so long.
    pub fn closed(&self, clients: u64, think_s: f64) -> Steady {
        if clients == 0 {
            return Steady { mean_s: self.own_s(), p99_s: self.own_s(), ..Steady::default() };
        }
        let away_s = think_s + self.wait_s;
        let steady = |per_second: f64, seen: f64| {
            let mean_s = (clients as f64 / per_second - think_s).max(self.own_s());
            let p99_s = self.found(seen).max(self.own_s());
            Steady { per_second, mean_s, p99_s, in_flight: per_second * mean_s }
        };
        if clients > SOLVED {
            let per_second =
                (clients as f64 / (away_s + self.own_s() - self.wait_s)).min(self.capacity());
            return steady(per_second, clients as f64 - per_second * away_s);
        }
        let rates = self.rates();
        let rate = |here: u64| self.rate(&rates, here);
        if away_s == 0.0 {
            return steady(rate(clients), clients as f64 - 1.0);
        }
        let solved =
            |clients: u64| distribution(clients, |here| (clients - here) as f64 / away_s, rate);
        let per_second =
            solved(clients).iter().enumerate().map(|(here, share)| share * rate(here as u64)).sum();
        // Who comes sees the others as if he were not there (the arrival theorem).
        steady(per_second, quantile(&solved(clients - 1), 0.99))
    }

    /// Requests that come by chance, so many a second, whatever the network does; none when it cannot keep up.
    pub fn open(&self, per_second: f64) -> Option<Steady> {
        if per_second >= self.capacity() {
            return None;
        }
        if per_second <= 0.0 {
            return Some(self.closed(0, 0.0));
        }
        let rates = self.rates();
        let most = (20.0 / (1.0 - per_second / self.capacity())).min(400_000.0) as u64;
        let busy = per_second * (self.own_s() - self.wait_s);
        let most = most + (busy + 20.0 * busy.sqrt()) as u64 + 20;
        let shares = distribution(most, |_| per_second, |here| self.rate(&rates, here));
        let here: f64 = shares.iter().enumerate().map(|(here, share)| here as f64 * share).sum();
        let mean_s = self.wait_s + (here / per_second).max(self.own_s() - self.wait_s);
        let p99_s = self.found(quantile(&shares, 0.99)).max(self.own_s());
        Some(Steady { per_second, mean_s, p99_s, in_flight: per_second * mean_s })
    }

    /// The highest rate, of requests that come by chance, at which ninety-nine of a hundred are answered within this; 0 where
    /// none is.
    pub fn knee(&self, p99_s: f64) -> f64 {
        let kept = |rate: f64| self.open(rate).is_some_and(|steady| steady.p99_s <= p99_s);
        let (mut low, mut high) = (0.0, self.capacity());
        if !kept(low) {
            return 0.0;
        }
        for _ in 0..24 {
            let middle = f64::midpoint(low, high);
            if kept(middle) { low = middle } else { high = middle }
        }
        low
    }

    /// The time of a request that finds so many at the stations: they leave first, at full rate.
    fn found(&self, before: f64) -> f64 {
        let queued = (before + 1.0) / self.capacity();
        self.wait_s + queued.max(self.own_s() - self.wait_s)
    }

    /// The rate at which the stations let go when so many are there.
    fn rate(&self, rates: &[f64], here: u64) -> f64 {
        rates.get(here as usize).copied().unwrap_or_else(|| match self.pool {
            None => (here as f64).min(self.cores) / self.cpu_s,
            Some(_) => self.capacity(),
        })
    }

    /// [`Network::rate`] by number, where a pool makes it more than a minimum.
    fn rates(&self) -> Vec<f64> {
        let Some((hold_s, places)) = self.pool else { return Vec::new() };
        let cpu = |count: u64| (count as f64).min(self.cores) / self.cpu_s;
        let pool = |count: u64| count.min(places) as f64 / hold_s;
        let mut rates = vec![0.0];
        while rates.len() < STATES && rates[rates.len() - 1] < 0.999 * self.capacity() {
            let here = rates.len() as u64;
            let shares = distribution(here, |computing| pool(here - computing), cpu);
            rates.push(
                shares
                    .iter()
                    .enumerate()
                    .map(|(computing, share)| share * cpu(computing as u64))
                    .sum(),
            );
        }
        rates
    }
}

/// The shares of time a birth-death chain spends in its states 0 to `most`.
fn distribution(most: u64, up: impl Fn(u64) -> f64, down: impl Fn(u64) -> f64) -> Vec<f64> {
    // Logarithms: the weights of a thousand clients do not fit a float.
    let mut logs = vec![0.0_f64];
    for state in 0..most {
        logs.push(logs[state as usize] + (up(state) / down(state + 1)).ln());
    }
    let most = logs.iter().copied().fold(f64::MIN, f64::max);
    let weights: Vec<f64> = logs.into_iter().map(|log| (log - most).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

fn quantile(shares: &[f64], share: f64) -> f64 {
    let mut sum = 0.0;
    let reached = |part: &f64| {
        sum += part;
        sum >= share
    };
    shares.iter().position(reached).unwrap_or(shares.len() - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Network = Network { wait_s: 0.0, cpu_s: 0.01, cores: 1.0, pool: None };

    fn near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() <= 0.005 * wanted.abs(), "{found} is not {wanted}");
    }

    #[test]
    fn an_open_queue_is_the_m_m_1_of_the_textbook() {
        // Mean time S / (1 − ρ), number ρ / (1 − ρ).
        for load in [0.1, 0.5, 0.8, 0.95] {
            let steady = ONE.open(100.0 * load).unwrap();
            near(steady.mean_s, 0.01 / (1.0 - load));
            near(steady.in_flight, load / (1.0 - load));
        }
        assert_eq!(ONE.open(100.0), None);
        near(ONE.open(0.0).unwrap().mean_s, 0.01);
    }

    #[test]
    fn an_open_queue_with_two_cores_is_the_m_m_2_of_the_textbook() {
        // Mean time S / (1 − ρ²).
        let two = Network { cores: 2.0, ..ONE };
        near(two.open(160.0).unwrap().mean_s, 0.01 / (1.0 - 0.64));
    }

    #[test]
    fn a_closed_queue_is_what_mean_value_analysis_finds() {
        // One station of 10 ms and 50 ms of thinking: R = S (1 + Q), X = N / (R + Z), Q = X R, from N = 0.
        let mut queue = 0.0;
        for clients in 1..=30_u32 {
            let response = 0.01 * (1.0 + queue);
            let rate = f64::from(clients) / (response + 0.05);
            queue = rate * response;
            let steady = ONE.closed(clients.into(), 0.05);
            near(steady.per_second, rate);
            near(steady.mean_s, response);
        }
    }

    #[test]
    fn two_stations_are_what_mean_value_analysis_finds() {
        // A pool of one is a second queue.
        let network = Network { pool: Some((0.02, 1)), ..ONE };
        let (mut at_cpu, mut at_pool) = (0.0, 0.0);
        for clients in 1..=12_u32 {
            let (cpu, pool) = (0.01 * (1.0 + at_cpu), 0.02 * (1.0 + at_pool));
            let rate = f64::from(clients) / (cpu + pool + 0.1);
            (at_cpu, at_pool) = (rate * cpu, rate * pool);
            near(network.closed(clients.into(), 0.1).per_second, rate);
        }
    }

    #[test]
    fn far_from_the_knee_it_is_on_its_two_straight_lines() {
        let network = Network { wait_s: 1.0, cpu_s: 25e-6, cores: 2.0, pool: None };
        near(network.closed(100, 0.0).per_second, 100.0);
        near(network.closed(1_000_000, 0.0).per_second, 80_000.0);
        near(network.closed(1_000_000, 0.0).mean_s, 12.5);
        let pooled = Network { wait_s: 0.0, cpu_s: 1e-4, cores: 1.0, pool: Some((0.05, 16)) };
        near(pooled.closed(8, 0.0).per_second, 8.0 / 0.0501);
        near(pooled.closed(256, 0.0).per_second, 320.0);
        near(pooled.closed(256, 0.0).mean_s, 0.8);
    }

    #[test]
    fn the_knee_is_where_the_tail_reaches_the_objective() {
        let network = Network { wait_s: 0.02, cpu_s: 1e-3, cores: 1.0, pool: None };
        let knee = network.knee(0.05);
        assert!((500.0..1_000.0).contains(&knee), "{knee}");
        assert!(network.open(knee).unwrap().p99_s <= 0.05);
        assert!(network.open(knee * 1.02).unwrap().p99_s > 0.05);
        assert!(network.knee(0.01) < 1e-9, "the wait alone takes longer");
        assert!(network.knee(10.0) > 990.0, "whatever it can do");
    }

    #[test]
    fn its_tail_is_the_wait_when_idle_and_the_whole_queue_when_full() {
        let network = Network { wait_s: 0.5, cpu_s: 1e-3, cores: 1.0, pool: None };
        near(network.closed(1, 0.0).p99_s, 0.501);
        let full = network.closed(5_000, 0.0);
        assert!((1.0..1.02).contains(&(full.p99_s / full.mean_s)), "{full:?}");
        assert!(network.open(990.0).unwrap().p99_s > 0.8);
    }
}
