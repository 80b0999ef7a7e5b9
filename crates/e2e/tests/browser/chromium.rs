//! Chromium without a window, with a profile of its own. It goes with its owner.

use guarded_process::Guard;

use crate::support::process::PATIENCE;

/// What it is called.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// No sandbox, since tests may run as root. `shop.example` is this machine, and no other is there at all.
const FLAGS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--no-proxy-server",
    "--remote-debugging-port=0",
    "--host-resolver-rules=MAP shop.example 127.0.0.1,MAP * ~NOTFOUND,EXCLUDE 127.0.0.1",
];

pub(crate) struct Chromium(Guard);

impl Chromium {
    /// Opens a page, and stays on it.
    pub(crate) fn open(url: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("tributary-browser-").tempdir().unwrap().keep();
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        let program = [&[program()], &FLAGS[..], &[&profile, url]].concat();
        let mut guard = Guard::new(folder, &program, &[]);
        guard.start();
        Self(guard)
    }

    /// What it said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.0.folder().join("log")).unwrap_or_default()
    }
}

impl Drop for Chromium {
    /// In good order where it can be: it has a dozen processes, which write into its folder to their end.
    fn drop(&mut self) {
        self.0.signal("TERM");
        self.0.wait(PATIENCE);
    }
}

fn program() -> &'static str {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    NAMES.into_iter().find(is_there).unwrap_or_else(|| panic!("no {}: run `make tools`", NAMES[0]))
}
