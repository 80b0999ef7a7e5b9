//! `deploy/`, proven as far as it can be without a Docker engine: the compose file by its schema, the Dockerfile by a
//! linter and by what the binaries are made of, and the services by running each as it is written there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod file;
mod image;
mod stack;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use file::Service;
use stack::{OURS, Places};
use support::process::PATIENCE;
use support::{duckdb, lake};

#[test]
fn the_compose_file_is_one_by_the_specification() {
    assert_eq!(file::against_the_schema(&file::with(&[])), "");

    let mut misspelt = file::with(&[]);
    misspelt["services"]["collector"]["enviroment"] = json!({});
    assert_ne!(file::against_the_schema(&misspelt), "", "the schema notices nothing");
}

/// What the schema does not say: `docker compose config` itself, where the machine has it.
#[test]
fn docker_compose_accepts_the_file_where_there_is_one() {
    let version = Command::new("docker").args(["compose", "version"]).stderr(Stdio::null()).output();
    if !version.is_ok_and(|output| output.status.success()) {
        // Past the harness, which would keep what a test prints that passes.
        let not_run =
            "`docker compose config` was not run: this machine has no such plugin; the schema alone was checked";
        return writeln!(std::io::stderr(), "{not_run}").unwrap();
    }
    for profile in [&[][..], &["--profile", "ui"]] {
        let mut config = Command::new("docker");
        config.arg("compose").args(profile).args(["config", "--quiet"]).current_dir(file::project().join("deploy"));
        let output = config.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn services_names_and_volumes_that_are_used_are_there() {
    let file = file::with(&[]);
    let services = file["services"].as_object().unwrap();
    for (name, service) in services {
        let needed = service["depends_on"].as_object().into_iter().flatten();
        for (other, condition) in needed {
            assert_eq!(condition["condition"], "service_healthy");
            assert!(services[other]["healthcheck"]["test"].is_array(), "{name} waits for {other}, which has no check");
        }
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let (volume, _) = volume.as_str().unwrap().split_once(':').unwrap();
            assert!(file["volumes"].get(volume).is_some(), "{name} keeps its data in {volume}, which is no volume");
        }
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        assert!(service["deploy"]["resources"]["limits"]["memory"].is_string(), "{name} has no bound on its memory");
    }
    let version = file::read("tools/kafka/pom.xml");
    let version = version.split_once("<kafka.version>").and_then(|(_, rest)| rest.split_once('<')).unwrap().0;
    assert_eq!(services["kafka"]["image"], format!("apache/kafka:{version}"), "what is tested is what is started");
    let versions = file::read("tools/object-servers/versions.txt");
    let version = versions.lines().find_map(|line| line.strip_prefix("versitygw ")).unwrap();
    assert_eq!(services["store"]["image"], format!("versity/versitygw:{version}"), "what is tested is what is started");
}

/// Here all names are one machine, so that a process run natively would not notice.
#[test]
fn what_is_published_is_what_is_listened_on_and_what_a_client_is_told() {
    let file = file::with(&[("KAFKA_PORT", "19094"), ("COLLECTOR_ADDRESS", "127.0.0.1:18080")]);
    assert_eq!(file["services"]["kafka"]["ports"], json!(["127.0.0.1:19094:9094"]));
    let kafka = Service::of(&file, "kafka").environment;
    assert!(kafka["KAFKA_LISTENERS"].contains("EXTERNAL://:9094"));
    assert_eq!(kafka["KAFKA_ADVERTISED_LISTENERS"], "INTERNAL://kafka:9092,EXTERNAL://localhost:19094");
    let store = file::with(&[("STORE_PORT", "17070")]);
    assert_eq!(store["services"]["store"]["ports"], json!(["127.0.0.1:17070:7070"]));
    assert!(Service::of(&store, "store").command[0].contains("--port :7070 "));
    assert_eq!(Service::of(&store, "lake-writer").environment["AWS_ENDPOINT_URL"], "http://store:7070");
    assert_eq!(file["services"]["collector"]["ports"], json!(["127.0.0.1:18080:8080"]));
    assert_eq!(Service::of(&file, "collector").environment["TRIBUTARY_LISTEN"], "0.0.0.0:8080");
    for name in OURS {
        assert_eq!(Service::of(&file, name).environment["TRIBUTARY_BUS"], "kafka://kafka:9092");
    }
}

#[test]
fn every_variable_of_the_file_is_in_the_example_with_its_default() {
    let example = file::read("deploy/.env.example");
    let lines = example.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    let lines = lines.filter(|(name, _)| !name.contains(' '));
    let example: BTreeMap<_, _> = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(example, file::variables());
}

#[test]
fn hadolint_finds_nothing_in_the_dockerfile() {
    // It lies beside the Python that `make test` sets up.
    let beside = duckdb::python().with_file_name("hadolint");
    let hadolint = if beside.is_file() { beside } else { "hadolint".into() };
    let output = Command::new(&hadolint).arg(file::project().join("deploy/Dockerfile")).output();
    let output =
        output.unwrap_or_else(|error| panic!("{}: {error}: run `make test`, which installs it", hadolint.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_image_is_built_of_all_that_its_binaries_are_made_of() {
    let sources = image::sources();
    assert_eq!(sources.iter().collect::<BTreeSet<_>>(), image::visible().iter().collect());
    for source in &sources {
        assert!(file::project().join(source).exists(), "{source} is not there");
    }
    let build = image::instructions().into_iter().find(|(_, rest)| rest.contains("cargo build")).unwrap().1;
    for name in OURS.iter().chain(&["tributary"]) {
        assert!(build.contains(&format!("-p {name}")) && build.contains(&format!("target/release/{name}")), "{name}");
        for path in image::files_of(&stack::binaries().join(name)) {
            let is_copied = sources.iter().any(|source| Path::new(&path).starts_with(source));
            assert!(is_copied, "{name} is made of {path}, which is not copied");
        }
    }
}

#[test]
fn the_image_runs_as_nobody_special_and_knows_the_health_check_of_the_file() {
    let user = image::last("USER");
    assert!(user.split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)), "{user}");
    let file = file::with(&[]);
    for name in OURS {
        let service = Service::of(&file, name);
        let check = format!("CMD [\"{}\"]", service.health_check[1..].join("\", \""));
        assert!(image::last("HEALTHCHECK").ends_with(&check), "{check}");
        assert_eq!(service.command, [name]);
        assert_eq!(file["services"][name]["read_only"], true);
    }
    let copied = image::instructions().into_iter().any(|(name, rest)| {
        name == "COPY" && rest.ends_with("deploy/ready.sh /usr/local/bin/ready") && rest.contains("--chmod=0755")
    });
    assert!(copied, "the health check is in the image");
}

#[test]
fn the_stack_as_it_is_written_takes_a_hit_to_parquet_and_to_a_consumer_outside() {
    stack::binaries();
    let places = Places::find();
    let (kafka_port, collector) = (places.external.to_string(), format!("127.0.0.1:{}", places.public));
    let dotenv = [("KAFKA_PORT", &*kafka_port), ("COLLECTOR_ADDRESS", &*collector), ("TRIBUTARY_FLUSH_INTERVAL", "1s")];
    let file = file::with(&dotenv);
    let mut used = BTreeSet::new();
    let mut native = |name| {
        let (service, lines) = places.native(Service::of(&file, name));
        used.extend(lines);
        service
    };

    let (kafka, store, services) = (native("kafka"), native("store"), OURS.map(|name| (name, native(name))));
    assert_eq!(used, places.table().into_iter().collect(), "the table of substitutions has lines that nobody needs");
    assert!(!places.is_healthy(&kafka), "the check says nothing");
    let broker = places.broker(&kafka);
    places.await_healthy("kafka", &kafka);
    assert!(!places.is_healthy(&store), "the check says nothing");
    let mut store_process = places.start_store(&store);
    places.await_healthy("store", &store);
    assert!(services.iter().all(|(_, service)| !places.is_healthy(service)), "the check says nothing");
    let mut processes: Vec<_> = services.iter().map(|(name, service)| places.start(name, service)).collect();
    services.iter().for_each(|(name, service)| places.await_healthy(name, service));

    // Three hours lie between the two, so that the second makes the session of the first final.
    let hits = json!({"site": "shop", "visitor_id": "v1", "sent_at": "2026-03-01T15:00:00Z", "hits": [
        {"url": "https://shop.example/first", "client_time": "2026-03-01T12:00:00Z"},
        {"url": "https://shop.example/second", "client_time": "2026-03-01T15:00:00Z"},
    ]});
    let mut answer = ureq::post(format!("http://{collector}/collect"))
        .content_type("application/json")
        .send(hits.to_string())
        .unwrap();
    assert_eq!(answer.body_mut().read_to_string().unwrap(), r#"{"accepted":2,"rejected":[]}"#);

    let began = Instant::now();
    // The store keeps each object as a file: the bucket is a folder, and what lies in it the lake.
    let lake = places.path("store").join("tributary/lake");
    let count = |table| lake::rows(&lake, table).len();
    while (count("hits"), count("sessions")) != (2, 1) {
        assert!(began.elapsed() < PATIENCE, "{} hits, {} sessions", count("hits"), count("sessions"));
        std::thread::sleep(Duration::from_millis(200));
    }
    let session = lake::rows(&lake, "sessions").remove(0);
    assert_eq!(lake::text(&session, "entry_page").as_deref(), Some("/first"));

    let class = "org.apache.kafka.tools.consumer.ConsoleConsumer";
    let arguments = ["--include", r"clickstream\.(hits|sessions)", "--from-beginning", "--timeout-ms", "5000"];
    // It gives up after five seconds without a record, which a busy machine may take to find the first.
    let found = loop {
        let output = broker.tool_at(&format!("localhost:{kafka_port}"), class, &arguments, "");
        let outside = String::from_utf8(output.stdout).unwrap();
        let count = |text| outside.lines().filter(|line| line.contains(text)).count();
        let found = (count(r#""schema":"hit/1""#), count(r#""entry_page":"/first""#));
        if found == (2, 1) || began.elapsed() > 2 * PATIENCE {
            break found;
        }
    };
    assert_eq!(found, (2, 1));

    for running in &mut processes {
        // What `docker compose stop` does.
        assert!(running.process.stop().success(), "stopped in good order");
        assert_eq!(std::fs::read_dir(&running.home).unwrap().count(), 0, "a container's own folder is read-only");
    }
    store_process.stop();
}
