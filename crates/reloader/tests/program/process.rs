//! The program as the operator starts it, beside a program that can be reloaded.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::process::Signal;

use crate::support::{Folder, Program, Running, flag, get, metric, number, soon};

/// Intervals that make a test short; nothing relies on them.
const QUICK: [&str; 2] = ["--delay-interval=20ms", "--retry-interval=20ms"];

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// The operator's arguments for a Prometheus, quick.
fn sidecar(folder: &Folder, program: &Program) -> Vec<String> {
    let mut arguments = vec![
        "--listen-address=127.0.0.1:0".to_owned(),
        program.url(),
        flag("config-file", &folder.path("config/prometheus.yaml")),
        flag(
            "config-envsubst-file",
            &folder.path("out/prometheus.env.yaml"),
        ),
        flag("watched-dir", &folder.path("rules")),
        flag("watched-dir", &folder.path("config")),
    ];
    arguments.extend(QUICK.map(str::to_owned));
    arguments
}

fn prepared() -> Folder {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path("out")).unwrap();
    folder.publish("config", "1", &[("prometheus.yaml", "first $(POD_NAME)\n")]);
    folder.publish("rules", "1", &[("a.yaml", "groups: []\n")]);
    folder
}

#[tokio::test]
async fn a_swapped_volume_is_one_reload_of_what_it_holds() {
    let folder = prepared();
    let mut program = Program::willing(folder.path("out/prometheus.env.yaml")).await;
    let mut reloader = Running::start(
        &sidecar(&folder, &program),
        &[("POD_NAME", "prometheus-k8s-1")],
    );
    let address = reloader.address().await;
    assert_eq!(program.reload().await, "first prometheus-k8s-1\n");
    reloader.logged("Reload triggered").await;

    let text = "second $(STATEFULSET_ORDINAL_NUMBER) $1 ${1}\n";
    folder.publish("config", "2", &[("prometheus.yaml", text)]);
    assert_eq!(program.reload().await, "second 1 $1 ${1}\n");
    reloader.logged("Reload triggered").await;
    folder.publish("rules", "2", &[("a.yaml", "groups: [] # two\n")]);
    program.reload().await;
    reloader.logged("Reload triggered").await;

    // The same content under a new date is no change: the next reload is that of the change after it.
    folder.publish("rules", "3", &[("a.yaml", "groups: [] # two\n")]);
    folder.publish("config", "3", &[("prometheus.yaml", "third\n")]);
    assert_eq!(program.reload().await, "third\n");
    reloader.logged("Reload triggered").await;
    let metrics = get(&address, "/metrics").await.1;
    assert_eq!(metric(&metrics, "reloader_reloads_total"), "4");
    assert_eq!(metric(&metrics, "reloader_reloads_failed_total"), "0");
    assert_eq!(metric(&metrics, "reloader_last_reload_successful"), "1");
    assert!(number(&metrics, "reloader_watches") >= 2.0);
    assert!(number(&metrics, "reloader_watch_events_total") > 0.0);
    assert!(number(&metrics, "reloader_config_apply_operations_total") >= 3.0);
    program.nothing_more();
}

#[tokio::test]
async fn files_without_links_and_below_are_watched_too() {
    let folder = prepared();
    folder.write("rules/deep/b.yaml", "1");
    let mut program = Program::willing(folder.path("rules/deep/er/c.yaml")).await;
    let mut reloader = Running::start(&sidecar(&folder, &program), &[]);
    program.reload().await;
    reloader.logged("Reload triggered").await;
    folder.write("rules/deep/b.yaml", "2");
    program.reload().await;
    reloader.logged("Reload triggered").await;
    folder.write("rules/deep/er/c.yaml", "3");
    // Written while it was looked at, perhaps: what counts is that the last reload has it all.
    while program.reload().await != "3" {}
}

#[tokio::test]
async fn a_reload_that_fails_is_tried_again_and_counted() {
    let folder = prepared();
    let mut program = Program::failing(folder.path("out/prometheus.env.yaml"), 2).await;
    let mut reloader = Running::start(&sidecar(&folder, &program), &[]);
    let address = reloader.address().await;
    for _ in 0..3 {
        program.reload().await;
    }
    let line = reloader.logged("Failed to trigger reload").await;
    let refused = "received non-200 response: 500 Internal Server Error; have you set `--web.enable-lifecycle`";
    assert!(
        line.contains(refused) && line.contains("failed to reload config: bad"),
        "{line}"
    );
    reloader.logged("Reload triggered").await;
    let metrics = get(&address, "/metrics").await.1;
    assert_eq!(metric(&metrics, "reloader_reloads_total"), "3");
    assert_eq!(metric(&metrics, "reloader_reloads_failed_total"), "2");
    assert_eq!(metric(&metrics, "reloader_last_reload_successful"), "1");
    assert!(number(&metrics, "reloader_last_reload_success_timestamp_seconds") > 1.7e9);
    program.nothing_more();
}

#[tokio::test]
async fn a_mended_configuration_does_not_wait_for_the_retries_of_a_bad_one() {
    let folder = prepared();
    let out = folder.path("out/prometheus.env.yaml");
    let read = out.clone();
    let answers = move |_: &str| {
        let good = std::fs::read_to_string(&read).unwrap().starts_with("good");
        (
            if good { "200 OK" } else { "500 No" }.to_owned(),
            String::new(),
        )
    };
    let mut program = Program::answering(out, Arc::new(answers)).await;
    let mut arguments = sidecar(&folder, &program);
    arguments.retain(|argument| !argument.starts_with("--retry-interval"));
    arguments.push("--retry-interval=1h".to_owned());
    let mut reloader = Running::start(&arguments, &[("POD_NAME", "x")]);
    assert_eq!(program.reload().await, "first x\n");
    reloader.logged("Failed to trigger reload").await;
    folder.publish("config", "2", &[("prometheus.yaml", "good\n")]);
    assert_eq!(program.reload().await, "good\n");
    reloader.logged("Reload triggered").await;
}

#[tokio::test]
async fn each_of_several_programs_is_told_and_only_those_that_failed_again() {
    let folder = prepared();
    let out = folder.path("out/prometheus.env.yaml");
    let mut one = Program::willing(out.clone()).await;
    let mut other = Program::failing(out, 1).await;
    let mut arguments = sidecar(&folder, &one);
    arguments.push(other.url());
    let mut reloader = Running::start(&arguments, &[]);
    one.reload().await;
    other.reload().await;
    other.reload().await;
    reloader.logged("Reload triggered").await;
    one.nothing_more();
    other.nothing_more();
}

#[tokio::test]
async fn unset_variables_stay_and_are_counted_until_they_are_gone() {
    let folder = prepared();
    let mut program = Program::willing(folder.path("out/prometheus.env.yaml")).await;
    let mut reloader = Running::start(&sidecar(&folder, &program), &[]);
    let address = reloader.address().await;
    assert_eq!(program.reload().await, "first $(POD_NAME)\n");
    let line = reloader.logged("expand environment variable").await;
    assert!(
        line.contains(r#"unset environment variable \"POD_NAME\""#),
        "{line}"
    );
    let name = "reloader_config_environment_variable_expansion_errors";
    assert_eq!(metric(&get(&address, "/metrics").await.1, name), "1");
    folder.publish("config", "2", &[("prometheus.yaml", "{}\n")]);
    assert_eq!(program.reload().await, "{}\n");
    assert_eq!(metric(&get(&address, "/metrics").await.1, name), "0");
}

#[tokio::test]
async fn an_init_container_writes_and_ends_without_a_reload_or_a_listener() {
    let folder = prepared();
    let config = folder.write("config/prometheus.yaml.gz", packed("shard: $(SHARD)\n"));
    let mut program = Program::willing(folder.path("none")).await;
    let arguments = [
        "--watch-interval=0".to_owned(),
        // Nobody could listen there.
        "--listen-address=192.0.2.1:8081".to_owned(),
        program.url(),
        flag("config-file", &config),
        flag("config-envsubst-file", &folder.path("out/a.yaml")),
        flag("watched-dir", &folder.path("rules")),
    ];
    let status = Running::start(&arguments, &[("SHARD", "2")]).ended().await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(folder.text("out/a.yaml"), "shard: 2\n");
    program.nothing_more();
}

#[tokio::test]
async fn rules_alone_are_enough() {
    let folder = prepared();
    let mut program = Program::willing(folder.path("rules/a.yaml")).await;
    let mut arguments = vec![program.url(), flag("watched-dir", &folder.path("rules"))];
    arguments.extend(QUICK.map(str::to_owned));
    let mut reloader = Running::start(&arguments, &[]);
    assert_eq!(program.reload().await, "groups: []\n");
    reloader.logged("Reload triggered").await;
    folder.publish("rules", "2", &[("a.yaml", "groups: [] # two\n")]);
    assert_eq!(program.reload().await, "groups: [] # two\n");
}

#[tokio::test]
async fn an_output_in_a_watched_folder_is_no_change() {
    let folder = prepared();
    let mut program = Program::willing(folder.path("config/out.yaml")).await;
    let mut arguments = sidecar(&folder, &program);
    arguments.retain(|argument| !argument.starts_with("--config-envsubst-file"));
    arguments.push(flag(
        "config-envsubst-file",
        &folder.path("config/out.yaml"),
    ));
    let mut reloader = Running::start(&arguments, &[]);
    let address = reloader.address().await;
    program.reload().await;
    reloader.logged("Reload triggered").await;
    folder.publish("config", "2", &[("prometheus.yaml", "two\n")]);
    assert_eq!(program.reload().await, "two\n");
    reloader.logged("Reload triggered").await;
    program.nothing_more();
    assert_eq!(
        metric(&get(&address, "/metrics").await.1, "reloader_reloads_total"),
        "2"
    );
}

#[tokio::test]
async fn signals_end_it_well() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = prepared();
        let mut program = Program::willing(folder.path("none")).await;
        let mut reloader = Running::start(&sidecar(&folder, &program), &[]);
        program.reload().await;
        reloader.logged("Reload triggered").await;
        reloader.signal(signal);
        reloader.logged("exiting gracefully").await;
        assert_eq!(reloader.ended().await.code(), Some(0));
    }
}

#[tokio::test]
async fn exit_codes_tell_misuse_from_failure() {
    let folder = prepared();
    let bad = folder.write("web.yaml", "nonsense: true\n");
    let gone = folder.path("gone");
    for (arguments, code) in [
        (vec!["--nonsense".to_owned()], 2),
        (vec!["--watch-interval=soon".to_owned()], 2),
        (vec![flag("web-config-file", &bad)], 2),
        (vec![flag("web-config-file", &gone)], 2),
        (vec![flag("config-file", &gone)], 1),
        (vec![flag("watched-dir", &gone)], 1),
        (
            vec![flag("config-file", &gone), "--watch-interval=0".to_owned()],
            1,
        ),
        (vec!["--listen-address=nowhere".to_owned()], 1),
        (vec!["--version".to_owned()], 0),
        (vec!["--help".to_owned()], 0),
    ] {
        let status = Running::start(&arguments, &[]).ended().await;
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

#[tokio::test]
async fn health_and_unknown_paths_are_answered() {
    let mut reloader = Running::start(&["--listen-address=:0".to_owned()], &[]);
    let address = reloader
        .address()
        .await
        .replace("[::]", "127.0.0.1")
        .replace("0.0.0.0", "127.0.0.1");
    let up = (
        "HTTP/1.1 200 OK".to_owned(),
        r#"{"status":"up"}"#.to_owned(),
    );
    assert_eq!(get(&address, "/healthz").await, up);
    assert_eq!(get(&address, "/").await.0, "HTTP/1.1 404 Not Found");
    reloader.logged("nothing to be watched").await;
}

#[tokio::test]
async fn passwords_are_asked_for() {
    let folder = prepared();
    let hashed = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    let web = folder.write("web.yaml", format!("basic_auth_users:\n  me: {hashed}\n"));
    let arguments = [
        "--listen-address=127.0.0.1:0".to_owned(),
        flag("web-config-file", &web),
    ];
    let mut reloader = Running::start(&arguments, &[]);
    let address = reloader.address().await;
    assert_eq!(
        get(&address, "/healthz").await.0,
        "HTTP/1.1 401 Unauthorized"
    );
    // The file is read with every request.
    std::fs::write(&web, "").unwrap();
    assert_eq!(get(&address, "/healthz").await.0, "HTTP/1.1 200 OK");
    std::fs::write(&web, "nonsense: 1").unwrap();
    assert_eq!(soon("an end", get_or_nothing(&address)).await, None);
}

/// Whether there is an answer at all.
async fn get_or_nothing(address: &str) -> Option<u8> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let _ = stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    stream.read_u8().await.ok()
}

/// A program that notes each SIGHUP in a file. Its name is that of a link: a file that was written just now may still be
/// open for writing in a child of another test, and can't be run then. A shell can't trap a signal that was ignored before
/// it began, as it is under `nohup`; `env` gives it its default back.
fn heeding(folder: &Folder, name: &str) -> tokio::process::Child {
    let script = "trap 'echo hup >> \"$1\"' HUP; echo ready; while :; do sleep 1 & wait; done";
    let path = folder.path(name);
    std::os::unix::fs::symlink("/bin/bash", &path).unwrap();
    tokio::process::Command::new("env")
        .arg("--default-signal=HUP")
        .arg(&path)
        .args(["-c", script, name])
        .arg(folder.path("signals"))
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_process_is_told_by_a_signal_and_asked_whether_it_heeded_it() {
    use tokio::io::AsyncReadExt as _;
    let folder = prepared();
    let mut process = heeding(&folder, "heeds-signals");
    let mut ready = [0; 6];
    soon(
        "the process",
        process.stdout.as_mut().unwrap().read_exact(&mut ready),
    )
    .await
    .unwrap();
    let signals = folder.path("signals");
    let answers = move |_: &str| {
        let count = std::fs::read_to_string(&signals)
            .unwrap_or_default()
            .lines()
            .count();
        let body = format!(
            r#"{{"status":"success","data":{{"reloadConfigSuccess":true,"lastConfigTime":"2026-01-01T00:00:0{count}Z"}}}}"#
        );
        ("200 OK".to_owned(), body)
    };
    let mut program = Program::answering(folder.path("none"), Arc::new(answers)).await;
    let mut arguments = sidecar(&folder, &program);
    arguments.retain(|argument| !argument.starts_with("--reload-url"));
    arguments.extend([
        "--reload-method=signal".to_owned(),
        "--process-executable-name=heeds-signals".to_owned(),
        format!(
            "--runtimeinfo-url=http://{}/api/v1/status/runtimeinfo",
            program.address
        ),
    ]);
    let mut reloader = Running::start(&arguments, &[]);
    let address = reloader.address().await;
    reloader.logged("reloading via process signal").await;
    reloader.logged("Reload triggered").await;
    assert_eq!(folder.text("signals"), "hup\n");
    folder.publish("config", "2", &[("prometheus.yaml", "two\n")]);
    reloader.logged("Reload triggered").await;
    assert_eq!(folder.text("signals"), "hup\nhup\n");
    let asked = program.next().await;
    assert_eq!(asked.line, "GET /api/v1/status/runtimeinfo HTTP/1.1");
    let metrics = get(&address, "/metrics").await.1;
    assert_eq!(metric(&metrics, "reloader_reloads_total"), "2");
    assert!(metrics.contains("reloader_info{method=\"signal\"} 1\n"));

    process.kill().await.unwrap();
    folder.publish("config", "3", &[("prometheus.yaml", "three\n")]);
    let line = reloader.logged("Failed to trigger reload").await;
    assert!(
        line.contains(r#"failed to find process matching \"heeds-signals\""#),
        "{line}"
    );
}
