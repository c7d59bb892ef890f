//! Which faults are run: each row joins a case to the function that runs it.

use crate::found::Found;
use crate::stage::Stage;
use crate::{database, files, handlers, lifecycle, outage, overload, slow_clients, upstream};

/// A fault and how it is run.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// The case's id.
    pub id: &'static str,
    /// Runs it against one server and says what was reached. An error is a failure to find out, and fails too.
    pub(crate) run: fn(&Stage, &mut Found) -> anyhow::Result<()>,
    /// Too long to run unless it is asked for by its id.
    pub on_request: bool,
    /// Whether it takes the cores, or threads of a user, of which there is one number for all: no server runs beside.
    pub alone: bool,
}

/// All faults that are run, in the order of their ids.
pub const FAULTS: &[Fault] = &[
    fault("F01", slow_clients::slow_heads),
    fault("F02", files::slow_bodies),
    fault("F03", slow_clients::slow_readers),
    fault("F04", slow_clients::idle_connections),
    fault("F05", slow_clients::vanishing_clients),
    Fault { alone: true, ..fault("F07", overload::more_work_than_cores) },
    fault("F08", database::queue_full),
    fault("F09", overload::descriptors_exhausted),
    Fault { alone: true, ..fault("F11", overload::threads_exhausted) },
    fault("F12", files::large_bodies),
    fault("F13", handlers::panics),
    fault("F15", handlers::hostile_json),
    Fault { alone: true, ..fault("F16", handlers::computes) },
    fault("F17", upstream::refused),
    fault("F18", upstream::hangs),
    fault("F19", upstream::cut_short),
    fault("F20", upstream::bad_payloads),
    fault("F22", upstream::hostile_names),
    fault("F23", outage::locked),
    fault("F24", outage::down_and_back),
    fault("F25", database::pool_exhausted),
    fault("F26", database::killed_while_writing),
    fault("F27", files::disk_full),
    fault("F28", files::killed),
    fault("F29", files::names_that_want_out),
    fault("F30", files::over_limit),
    fault("F32", lifecycle::terminated),
    fault("F34", database::workers_killed),
    fault("F36", lifecycle::bad_starts),
    Fault { on_request: true, alone: true, ..fault("F37", lifecycle::soak) },
];

const fn fault(id: &'static str, run: fn(&Stage, &mut Found) -> anyhow::Result<()>) -> Fault {
    Fault { id, run, on_request: false, alone: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::cases;

    #[test]
    fn each_fault_is_a_case_and_they_come_in_order() {
        let cases: Vec<_> = cases().into_iter().map(|case| case.id).collect();
        for fault in FAULTS {
            assert!(cases.iter().any(|id| id == fault.id), "{} is no case", fault.id);
        }
        assert!(FAULTS.is_sorted_by(|one, next| one.id < next.id));
    }
}
