//! The live page in a real browser: a slider moves the numbers, a mistake stalls the innocent route, Esc mends it.

mod browser;

use std::process::ExitCode;
use std::time::Duration;

use browser::{Browser, ESCAPE};
use conformance::Server;
use conformance::process::Signal;
use conformance::trials::needing;
use libtest_mimic::Arguments;

/// The servers are debug builds, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);
/// For all checks of the contract.
const CHECKED: Duration = Duration::from_secs(240);

fn main() -> ExitCode {
    let driver = browser::driver();
    let name = "the live page follows its slider, shows a mistake and mends it".to_owned();
    let missing = driver.is_none().then_some(browser::MISSING);
    let trial = needing(name, missing, move || {
        follows(Browser::open(driver.ok_or(browser::MISSING)?, 1440, 1300));
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

fn follows(browser: Browser) {
    conformance::binaries::build(&["server-blocking", "server-actix", "server-axum"])
        .expect("the servers can be built");
    let lab = env!("CARGO_BIN_EXE_lab");
    let mut command = std::process::Command::new(lab);
    command.args(["live", "--no-build", "--addr", "127.0.0.1:0"]);
    let mut page = Server::spawn(command).expect("lab live says where it listens");
    browser.go(&page.url());

    let each = |what: &str| {
        format!(
            "['blocking', 'actix', 'axum'].every(name => (server => {what})\
             (past.at(-1)?.servers.find(one => one.name === name)))"
        )
    };
    // Nobody is asked before the contract was checked, and the page says so meanwhile.
    browser.until(
        "/^Before anybody/.test(past.at(-1)?.checked) && !past.at(-1).servers.length",
        PATIENCE,
    );
    browser.until("/passed before anything was timed: blocking \\d+ · actix \\d+ · axum \\d+\\./.test(document.getElementById('checked').textContent)", CHECKED);
    browser.until(&each("server && server.in_flight === 10 && server.rate > 1"), PATIENCE);

    // To the right end of the slider: a thousand clients.
    browser.drag("clients", 1.0);
    assert_eq!(browser.value("dial.clients"), 1_000);
    let moved = browser.until(&each("server.in_flight > 500"), PATIENCE);
    println!("the numbers moved {} ms after the slider", moved.as_millis());
    browser.until("/staircase|block/.test(document.querySelector('.shape').textContent)", PATIENCE);
    browser.until(
        "past.at(-1).servers[0].threads > 900 && past.at(-1).servers[2].threads < 100",
        PATIENCE,
    );
    assert!(browser.value("location.hash").as_str().expect("it is text").contains("clients=1000"));

    // What a class needs beside the numbers: whose line is whose, where the handler waits, this moment as a command.
    browser.until("document.querySelectorAll('#legend span').length === 3", PATIENCE);
    browser.until(
        "document.querySelector('#server-axum pre mark').textContent.includes('.await')",
        PATIENCE,
    );
    browser.press("c");
    let command = "document.getElementById('say').textContent\
                   .includes('cargo lab live --scene wait --clients 1000')";
    browser.until(command, PATIENCE);

    // The class's fourth step asks for a guess, then makes the mistake.
    browser.press("4");
    browser.until("document.getElementById('guess').open", PATIENCE);
    browser.value("document.querySelector('[data-guess=itself]').click()");
    let stalled = "past.at(-1).servers.filter(one => one.probe > 1000).map(one => one.name).join()";
    browser.until(&format!("{stalled} === 'actix,axum'"), PATIENCE);
    for name in ["actix", "axum"] {
        let shape = format!("document.querySelector('#server-{name} .shape').textContent");
        browser.until(&format!("{shape}.startsWith('a staircase')"), PATIENCE);
    }
    if let Some(folder) = std::env::var_os("WAITLAB_SCREENSHOTS") {
        std::fs::write(std::path::Path::new(&folder).join("live.png"), browser.screenshot())
            .expect("the folder for screenshots can be written");
    }

    browser.press(ESCAPE);
    browser.until(
        &each("server.in_flight === 10 && server.probe !== null && server.probe < 300"),
        PATIENCE,
    );

    // Whoever is sent an address sees what its sender saw.
    browser.value("location.hash = 'scene=fan-out&clients=3'");
    browser
        .until(&each("past.at(-1).dial.scene === 'fan-out' && server.in_flight === 3"), PATIENCE);

    // It stops what it started.
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", page.pid()))
        .expect("it still runs");
    drop(browser);
    page.signal(Signal::INT);
    let exit = page.wait(Duration::from_secs(10)).expect("Ctrl-C ends it");
    assert!(exit.success(), "{exit}");
    for child in children.split_whitespace() {
        assert!(!std::path::Path::new("/proc").join(child).join("exe").exists(), "{child} is left");
    }
}
