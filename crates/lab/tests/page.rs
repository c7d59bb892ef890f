//! The page at `/` of each server in a real browser: it waits, asks, uploads, and shows a stream and a room as they come.

#[expect(dead_code, reason = "another test drags and presses keys")]
mod browser;

use std::process::ExitCode;
use std::time::Duration;

use browser::Browser;
use conformance::trials::needing;
use conformance::{Server, Subject, binaries};
use github_stub::{Dials, Stub};
use libtest_mimic::Arguments;

/// The servers are debug builds, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let trials = ["server-blocking", "server-actix", "server-axum"].map(|server| {
        let driver = browser::driver();
        let missing = driver.is_none().then_some(browser::MISSING);
        needing(
            format!("{server}::the page waits, asks, uploads, streams, says and hears"),
            missing,
            move || {
                tries(server, Browser::open(driver.ok_or(browser::MISSING)?, 900, 1000));
                Ok(())
            },
        )
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

fn tries(server: &str, browser: Browser) {
    binaries::build(&[server]).expect("the server can be built");
    let binary = binaries::find(server).expect("the server is there");
    let stub = Stub::start(Dials::default()).expect("the stub starts");
    let upstream = format!("--github-url={}", stub.url());
    let server = Server::start(&binary, [upstream], &[]).expect("the server starts");
    browser.go(&server.url());

    let shows = |id: &str, text: &str| {
        let shown = format!("document.getElementById({id:?}).textContent.includes({text:?})");
        browser.until(&shown, PATIENCE);
    };
    let send =
        |id: &str| browser.value(&format!("document.getElementById({id:?}).requestSubmit()"));

    browser.value("document.forms.wait.elements.seconds.value = '0.1'");
    send("wait");
    shows("waited", "Waited for 0.1 seconds! 10 times");
    browser.value("document.forms.user.elements.username.value = 'a b'");
    send("user");
    shows("profile", "422: String should match pattern");
    browser.value("document.forms.user.elements.username.value = 'octocat'");
    send("user");
    shows("profile", "octocat, number ");

    // A page may give files to its form, as a hand would.
    browser.value(
        "(list => { list.items.add(new File(['hello'], 'grüße.txt'));
                    list.items.add(new File(['x'.repeat(3000000)], 'large'));
                    document.forms.upload.elements.file.files = list.files; })(new DataTransfer())",
    );
    send("upload");
    shows("uploaded", "grüße.txt: 5 bytes");
    shows("uploaded", "large: 3000000 bytes");
    shows("files", "large (3000000 bytes)");
    browser.until("document.getElementById('progress').value === 1", PATIENCE);

    send("stream");
    shows("lines", r#"{"n":1}"#);
    // It comes one by one: the last of twenty is four seconds away.
    let early = browser.value("document.getElementById('lines').textContent.includes('19')");
    assert_eq!(early, false, "the stream came as a whole");
    shows("lines", r#"{"n":19}"#);

    send("listen");
    shows("listening", "listening");
    browser.value("document.forms.say.elements.text.value = '<b>hello</b>'");
    send("say");
    shows("heard", " <b>hello</b>");
    // What somebody else says is shown as well.
    conformance::events::said(&Subject::at(server.addr()), "hall", "from elsewhere")
        .expect("it is kept");
    shows("heard", " from elsewhere");
    let heard = browser.value("document.querySelectorAll('#heard li').length");
    assert_eq!(heard, 2);

    browser.value("document.querySelector('#files button').click()");
    browser.until("document.querySelectorAll('#files li').length === 1", PATIENCE);
    if let Some(path) = std::env::var_os("WAITLAB_SCREENSHOT") {
        std::fs::write(path, browser.screenshot()).expect("the picture is written");
    }
}
