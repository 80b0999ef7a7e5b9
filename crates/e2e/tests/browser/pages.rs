//! A server of a few pages, which is `shop.example` to the browser.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

pub(crate) struct Pages {
    port: u16,
}

impl Pages {
    /// Serves these pages, by path, as long as the process is there.
    pub(crate) fn serve(pages: &[(&'static str, String)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, pages) = (listener.local_addr().unwrap().port(), pages.to_vec());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let pages = pages.clone();
                // A browser opens connections that it may never use.
                std::thread::spawn(move || answer(stream, &pages));
            }
        });
        Self { port }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://shop.example:{}{path}", self.port)
    }
}

/// Answers one request.
fn answer(mut stream: TcpStream, pages: &[(&str, String)]) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
    let asked = lines.next()?.split(' ').nth(1)?.split('?').next()?.to_owned();
    lines.find(String::is_empty)?;
    let (status, page) = match pages.iter().find(|(path, _)| *path == asked) {
        Some((_, page)) => ("200 OK", page.as_str()),
        None => ("404 Not Found", ""),
    };
    let head = format!("content-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close", page.len());
    write!(stream, "HTTP/1.1 {status}\r\n{head}\r\n\r\n{page}").ok()
}
