//! A real Prometheus, where one is installed: reloaded by HTTP and by a signal.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::support::{Folder, Running, flag, get, metric, soon};

const CONFIG: &str =
    "global:\n  external_labels:\n    replica: $(POD_NAME)\n    number: 'NUMBER'\n";

fn config(number: u32) -> String {
    CONFIG.replace("NUMBER", &number.to_string())
}

/// An address where nobody listens. Another program may take it before Prometheus does; the test fails then.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Starts a Prometheus, under that name, on what the init container wrote; nothing if there is none.
async fn prometheus(folder: &Folder, name: &str) -> Option<(Child, String)> {
    let listed = std::env::var_os("PATH").unwrap_or_default();
    let mut paths = std::env::split_paths(&listed).map(|folder| folder.join("prometheus"));
    let Some(installed) = paths.find(|path| path.is_file()) else {
        eprintln!("skipped: no prometheus in PATH (Debian: apt-get install prometheus)");
        return None;
    };
    std::os::unix::fs::symlink(installed, folder.path(name)).unwrap();
    std::fs::create_dir_all(folder.path("out")).unwrap();
    folder.publish("config", "1", &[("prometheus.yaml", &config(1))]);
    let mut arguments = files(folder);
    arguments.push("--watch-interval=0".to_owned());
    let init = Running::start(&arguments, &[("POD_NAME", "p-0")])
        .ended()
        .await;
    assert_eq!(init.code(), Some(0));
    let address = free_address();
    let mut child = Command::new(folder.path(name))
        .arg(format!(
            "--config.file={}",
            folder.path("out/prometheus.yaml").display()
        ))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.path("data").display()
        ))
        .arg(format!("--web.listen-address={address}"))
        .arg("--web.enable-lifecycle")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    loop {
        let line = soon("Prometheus", log.next_line())
            .await
            .unwrap()
            .expect("Prometheus ended");
        if line.contains("Server is ready") {
            break;
        }
    }
    // Nobody who writes a log likes it when nobody reads it.
    tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    Some((child, address))
}

fn files(folder: &Folder) -> Vec<String> {
    vec![
        flag("config-file", &folder.path("config/prometheus.yaml")),
        flag("config-envsubst-file", &folder.path("out/prometheus.yaml")),
        flag("watched-dir", &folder.path("config")),
        "--listen-address=127.0.0.1:0".to_owned(),
        "--delay-interval=20ms".to_owned(),
    ]
}

/// The configuration that Prometheus uses.
async fn used(address: &str) -> String {
    get(address, "/api/v1/status/config").await.1
}

async fn reloads(folder: &Folder, address: &str, how: &[String]) {
    let mut arguments = files(folder);
    arguments.extend_from_slice(how);
    let mut reloader = Running::start(&arguments, &[("POD_NAME", "p-0")]);
    let listening = reloader.address().await;
    reloader.logged("Reload triggered").await;
    assert!(used(address).await.contains("replica: p-0"));
    for number in [2, 3] {
        folder.publish(
            "config",
            &number.to_string(),
            &[("prometheus.yaml", &config(number))],
        );
        reloader.logged("Reload triggered").await;
        let used = used(address).await;
        assert!(used.contains(&format!(r#"number: \"{number}\""#)), "{used}");
    }
    folder.publish("config", "4", &[("prometheus.yaml", "nonsense: true\n")]);
    let line = reloader.logged("Failed to trigger reload").await;
    eprintln!("{line}");
    assert!(used(address).await.contains(r#"number: \"3\""#));
    let metrics = get(&listening, "/metrics").await.1;
    assert_eq!(metric(&metrics, "reloader_last_reload_successful"), "0");
    folder.publish("config", "5", &[("prometheus.yaml", &config(5))]);
    reloader.logged("Reload triggered").await;
    assert!(used(address).await.contains(r#"number: \"5\""#));
}

#[tokio::test]
async fn it_is_reloaded_by_a_request() {
    let folder = Folder::new();
    let Some((_prometheus, address)) = prometheus(&folder, "by-request").await else {
        return;
    };
    reloads(
        &folder,
        &address,
        &[format!("--reload-url=http://{address}/-/reload")],
    )
    .await;
}

#[tokio::test]
async fn it_is_reloaded_by_a_signal() {
    let folder = Folder::new();
    let Some((_prometheus, address)) = prometheus(&folder, "by-signal").await else {
        return;
    };
    let how = [
        "--reload-method=signal".to_owned(),
        "--process-executable-name=by-signal".to_owned(),
        format!("--runtimeinfo-url=http://{address}/api/v1/status/runtimeinfo"),
    ];
    reloads(&folder, &address, &how).await;
}
