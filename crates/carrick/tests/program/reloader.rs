//! The config-reloader in the program: by its command, and by upstream's name for it.

use std::path::Path;
use std::process::Command;

use super::common::{Folder, PROGRAM};

/// What an init container of a Prometheus does.
fn init(program: &Path, first: &[&str], folder: &Folder, output: &str) -> Option<i32> {
    let config = folder.join("prometheus.yaml");
    std::fs::write(&config, "replica: $(POD_NAME)\n").unwrap();
    let mut command = Command::new(program);
    command
        .args(first)
        .arg("--watch-interval=0")
        .arg(format!("--config-file={}", config.display()))
        .arg(format!(
            "--config-envsubst-file={}",
            folder.join(output).display()
        ))
        .env("POD_NAME", "prometheus-k8s-0");
    command.output().unwrap().status.code()
}

#[test]
fn the_command_and_the_name_do_the_same() {
    let folder = Folder::new("reloader");
    let link = folder.join("prometheus-config-reloader");
    std::os::unix::fs::symlink(PROGRAM, &link).unwrap();
    assert_eq!(
        init(Path::new(PROGRAM), &["reloader"], &folder, "command"),
        Some(0)
    );
    assert_eq!(init(&link, &[], &folder, "name"), Some(0));
    for output in ["command", "name"] {
        let text = std::fs::read_to_string(folder.join(output)).unwrap();
        assert_eq!(text, "replica: prometheus-k8s-0\n", "{output}");
    }
}

#[test]
fn its_exit_codes_and_its_help_are_its_own() {
    let folder = Folder::new("reloader-codes");
    let program = Path::new(PROGRAM);
    assert_eq!(
        init(program, &["reloader", "--nonsense"], &folder, "out"),
        Some(2)
    );
    let nowhere = folder.join("gone");
    let gone = format!("--watched-dir={}", nowhere.display());
    assert_eq!(init(program, &["reloader", &gone], &folder, "out"), Some(1));
    let help = Command::new(program)
        .args(["reloader", "--help"])
        .output()
        .unwrap();
    assert!(
        String::from_utf8(help.stdout)
            .unwrap()
            .contains("--config-envsubst-file")
    );
}
