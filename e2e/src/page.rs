//! A page in a real browser, used as a person does: clicks and keys are events of the browser, not calls of a script.
//!
//! It is driven by the `DevTools` protocol over a pipe: JSON, each message ended by a NUL, in by descriptor 3 and out by 4.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::BROWSERS;
use crate::until::{PATIENCE, found, looks};

/// One page, closed with its browser when it is dropped.
#[derive(Debug)]
pub struct Page {
    browser: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    last: u64,
    session: Option<String>,
    #[expect(dead_code, reason = "removed with the page")]
    profile: TempDir,
}

impl Page {
    /// The page at `url` in a window of this size, at one pixel of the screen for each of CSS. It may still be loading.
    ///
    /// # Panics
    /// Where there is no browser, or it fails.
    #[must_use]
    pub fn open(url: &str, (width, height): (u32, u32)) -> Self {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let find = BROWSERS.map(|name| format!("command -v {name}")).join(" || ");
        let script = format!("exec $({find}) \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1");
        let mut browser = Command::new("sh")
            .args(["-c", &script, "sh", "--headless=new", "--disable-gpu", "--no-sandbox"])
            .args(["--disable-quic", "--no-first-run", "--disable-background-networking"])
            .args(["--disable-component-update", "--disable-sync", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let to = browser.stdin.take().expect("stdin is piped");
        let messages = BufReader::new(browser.stdout.take().expect("stdout is piped")).split(0);
        let (sender, from) = channel();
        thread::spawn(move || {
            for message in messages.map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("messages are JSON");
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut page = Self { browser, to, from, last: 0, session: None, profile };
        let target = page.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let session = page.call("Target.attachToTarget", &target);
        page.session = session["sessionId"].as_str().map(ToOwned::to_owned);
        page.on_screen((width, height), 1);
        page.call("Page.navigate", &json!({ "url": url }));
        page
    }

    /// Shown in a window of this size on a screen with so many pixels for each of CSS.
    ///
    /// # Panics
    /// When the browser fails.
    pub fn on_screen(&mut self, (width, height): (u32, u32), scale: u32) {
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &screen);
    }

    /// What an expression is there.
    ///
    /// # Panics
    /// When it throws.
    #[must_use]
    pub fn is(&mut self, expression: &str) -> Value {
        self.evaluated(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Looks until an expression is true there, or something.
    ///
    /// # Panics
    /// When a minute passed and it is not; the document is in the message.
    #[track_caller]
    pub fn until(&mut self, what: &str, expression: &str) {
        // Between two documents there is none.
        let is_so = format!("Boolean({expression})");
        if !looks().any(|()| self.evaluated(&is_so) == Ok(Value::Bool(true))) {
            panic!("never: {what}: {}", self.is("document.documentElement.outerHTML"));
        }
    }

    /// A click in the middle of what a selector finds first.
    ///
    /// # Panics
    /// When it finds nothing for a minute.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        let look = format!(
            "(() => {{ const it = document.querySelector({}); it.scrollIntoView({{ block: 'nearest' }}); \
             const box = it.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2] }})()",
            json!(selector)
        );
        let place = found(selector, || self.evaluated(&look).ok());
        for (kind, button) in
            [("mouseMoved", "none"), ("mousePressed", "left"), ("mouseReleased", "left")]
        {
            let event = json!({ "type": kind, "x": place[0], "y": place[1], "button": button, "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", &event);
        }
    }

    /// A key, by its name and its code on Windows, as the protocol wants both.
    ///
    /// # Panics
    /// When the browser fails.
    pub fn press(&mut self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "keyUp"] {
            let event =
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    fn evaluated(&mut self, expression: &str) -> Result<Value, String> {
        let asked =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.asked("Runtime.evaluate", &asked)?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(thrown.to_string()),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    #[track_caller]
    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.asked(method, params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn asked(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let gone = format!(
            "no browser any more, or none of {BROWSERS:?} (Debian: apt-get install chromium)"
        );
        self.to.write_all(format!("{message}\0").as_bytes()).expect(&gone);
        loop {
            let mut answer = self.from.recv_timeout(PATIENCE).expect(&gone);
            if answer["id"] != self.last {
                continue;
            }
            return match answer.get("error") {
                Some(error) => Err(error.to_string()),
                None => Ok(answer["result"].take()),
            };
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // With all of its processes, so that none writes to the profile any more.
        if let Some(group) = Pid::from_raw(self.browser.id().cast_signed()) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.browser.wait();
    }
}
