//! An Apache Kafka to try things on, until Ctrl-C: `make kafka`, or `cargo run -p kafka-broker -- PORT`.

use kafka_broker::{Broker, Options};

#[expect(clippy::print_stdout, reason = "the address is what it is started for")]
fn main() {
    let mut options = Options::new();
    if let Some(port) = std::env::args().nth(1) {
        options = options.port(port.parse().expect("the argument is a port"));
    }
    let broker = Broker::start(options);
    println!("kafka://{} in {}", broker.bootstrap(), broker.folder().display());
    // Ctrl-C and every other signal end this process, and with it the broker and its folder.
    loop {
        std::thread::park();
    }
}
