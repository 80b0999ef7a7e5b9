//! An object store that speaks S3, to try things on, until Ctrl-C: `make s3`, or `cargo run -p object-servers -- PORT`.

use object_servers::{Kind, ObjectServer};

#[expect(clippy::print_stdout, reason = "the address is what it is started for")]
fn main() {
    let port = std::env::args().nth(1).map(|port| port.parse().expect("the argument is a port"));
    let server = match port {
        Some(port) => ObjectServer::start_at(Kind::Versitygw, port),
        None => ObjectServer::start(Kind::Versitygw),
    };
    server.make_bucket("lake");
    println!("--lake {} in {}, with", server.lake("lake", "tributary"), server.folder().display());
    for (name, value) in server.variables() {
        println!("export {name}={value}");
    }
    // Ctrl-C and every other signal end this process, and with it the server and its folder.
    loop {
        std::thread::park();
    }
}
