//! A headless Chromium, driven by WebDriver (W3C): JSON over HTTP to `chromedriver`, which a few lines can speak.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};

/// Escape, as WebDriver writes it.
pub(crate) const ESCAPE: &str = "\u{e00c}";

/// How to get it, for whoever has none.
pub(crate) const MISSING: &str =
    "chromedriver is not on the path; on Debian: apt-get install chromium-driver";

/// Where `chromedriver` is, if there is one.
pub(crate) fn driver() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("chromedriver")).find(|it| it.is_file())
}

/// One window; closed with its browser when dropped.
pub(crate) struct Browser {
    driver: Child,
    addr: SocketAddr,
    session: String,
}

impl Browser {
    /// Opens a window of this size.
    pub(crate) fn open(driver: PathBuf, width: u32, height: u32) -> Self {
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let told = BufReader::new(driver.stdout.take().expect("its stdout is piped"));
        let port = told
            .lines()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("successfully on port ")?.1.to_owned()))
            .expect("chromedriver says its port");
        let port: u16 = port.trim_end_matches('.').parse().expect("a port is a number");
        let mut browser =
            Self { driver, addr: ([127, 0, 0, 1], port).into(), session: String::new() };
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &format!("--window-size={width},{height}"),
        ];
        let wanted =
            json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}}});
        let session = browser.call("POST", "/session", Some(wanted));
        let session = session["sessionId"].as_str().expect("a session has an id");
        browser.session = format!("/session/{session}");
        browser
    }

    /// Loads a page.
    pub(crate) fn go(&self, url: &str) {
        self.command("POST", "/url", Some(json!({ "url": url })));
    }

    /// The value of an expression of JavaScript on the page.
    pub(crate) fn value(&self, expression: &str) -> Value {
        let script = json!({ "script": format!("return {expression}"), "args": [] });
        self.command("POST", "/execute/sync", Some(script))
    }

    /// Presses one key.
    pub(crate) fn press(&self, key: &str) {
        let strokes = json!([{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]);
        let actions = json!({"actions": [{"type": "key", "id": "keys", "actions": strokes}]});
        self.command("POST", "/actions", Some(actions));
    }

    /// Drags from the middle of an element to a part of its width, 0 to 1.
    pub(crate) fn drag(&self, id: &str, part: f64) {
        let place = self.value(&format!(
            "(box => [box.left + 8, box.right - 8, (box.top + box.bottom) / 2])\
             (document.getElementById({id:?}).getBoundingClientRect())"
        ));
        let at = |index: usize| place[index].as_f64().expect("a place is a number");
        let to = at(0) + part * (at(1) - at(0));
        let moved = |x: f64| json!({"type": "pointerMove", "duration": 50, "x": x.round(), "y": at(2).round()});
        let strokes = json!([
            moved((at(0) + at(1)) / 2.0),
            {"type": "pointerDown", "button": 0},
            moved(to),
            {"type": "pointerUp", "button": 0},
        ]);
        let actions = json!({"actions": [{"type": "pointer", "id": "mouse", "actions": strokes}]});
        self.command("POST", "/actions", Some(actions));
    }

    /// A picture of the window, as PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        let picture = self.command("GET", "/screenshot", None);
        let picture = picture.as_str().expect("a screenshot is text");
        BASE64_STANDARD.decode(picture).expect("a screenshot is in base 64")
    }

    /// Waits until an expression is true, and says how long that took.
    pub(crate) fn until(&self, expression: &str, patience: Duration) -> Duration {
        let began = Instant::now();
        while self.value(expression) != json!(true) {
            let text = self.value("document.body.innerText");
            assert!(began.elapsed() < patience, "never came true: {expression}\nthe page: {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
        began.elapsed()
    }

    fn command(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        self.call(method, &format!("{}{path}", self.session), body)
    }

    fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let body = body.map_or_else(String::new, |body| body.to_string());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            self.addr,
            body.len()
        );
        let mut stream = TcpStream::connect(self.addr).expect("chromedriver listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a minute is a timeout");
        stream.write_all((head + &body).as_bytes()).expect("chromedriver reads");
        let mut reply = Vec::new();
        // It may keep the connection open all the same: its length says where the answer ends.
        let mut piece = [0; 64 << 10];
        loop {
            let text = String::from_utf8_lossy(&reply);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_ascii_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
                let length: usize = length.map_or(0, |it| it.trim().parse().unwrap_or(0));
                if body.len() >= length {
                    let value: Value = serde_json::from_str(body).expect("WebDriver answers JSON");
                    assert!(
                        value["value"]["error"].is_null(),
                        "{method} {path}: {}",
                        value["value"]
                    );
                    return value["value"].clone();
                }
            }
            let count = stream.read(&mut piece).expect("chromedriver answers");
            assert!(count > 0, "{method} {path}: cut short");
            reply.extend_from_slice(&piece[..count]);
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.command("DELETE", "", None);
        }
        // chromedriver takes its browser along.
        let _ = Command::new("kill").arg(self.driver.id().to_string()).status();
        let _ = self.driver.wait();
    }
}
