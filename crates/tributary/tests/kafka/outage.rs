//! A broker that is away, as the operator of services sees it that have nothing to do.

use kafka_broker::{Broker, Options};
use tempfile::tempdir;

use crate::service::Service;

#[test]
fn an_idle_service_says_that_the_broker_is_away_and_that_it_is_back() {
    let (mut broker, data) = (Broker::start(Options::new().comes_back()), tempdir().unwrap());
    let lake = data.path().join("lake").display().to_string();
    let start = |args: &[&str]| Service::start(&broker.bootstrap(), "outage.", args);
    let services = [
        start(&["collector", "--listen", "127.0.0.1:0"]),
        start(&["sessionizer"]),
        start(&["lake-writer", "--lake", &lake]),
    ];
    for service in &services {
        service.wait_until_ready(true);
        assert!(service.page("/metrics").1.contains("\ntributary_bus_up 1\n"), "{}", service.page("/metrics").1);
        assert_eq!(service.count("WARN", "the bus is away"), 0, "{:#?}", service.lines());
    }
    broker.kill();
    for service in &services {
        service.wait_for("reason in /ready", || {
            let (status, parts) = service.page("/ready");
            (status == 503 && parts.contains(r#""bus":"the bus is away: "#)).then_some(())
        });
        assert!(service.page("/metrics").1.contains("\ntributary_bus_up 0\n"), "{}", service.page("/metrics").1);
        service.wait_for("line", || (service.count("WARN", "the bus is away: ") == 1).then_some(()));
    }
    // For so long that it would be said twice by whoever says it each time that he looks.
    std::thread::sleep(std::time::Duration::from_secs(3));
    broker.restart();
    for service in &services {
        service.wait_until_ready(true);
        service.wait_for("line", || (service.count("INFO", "the bus is back; it was away for ") == 1).then_some(()));
        assert_eq!(service.count("WARN", "the bus is away: "), 1, "{:#?}", service.lines());
        assert!(service.page("/metrics").1.contains("\ntributary_bus_up 1\n"), "{}", service.page("/metrics").1);
    }
}
