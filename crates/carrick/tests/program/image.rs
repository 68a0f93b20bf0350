//! What the images hold, without building them: names from `scripts/image`, entry points from `deploy/Containerfile`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::common::{Folder, PROGRAM};

const SCRIPT: &str = include_str!("../../../../scripts/image");
const CONTAINERFILE: &str = include_str!("../../../../deploy/Containerfile");

/// Names under which the program is in the image besides its own.
fn links() -> Vec<&'static str> {
    let list = |line: &'static str| line.strip_prefix("links=(")?.strip_suffix(')');
    let list = SCRIPT.lines().find_map(list).unwrap();
    list.split_whitespace().collect()
}

fn output(program: &Path, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{}: {output:?}", program.display());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_link_is_a_program_of_its_own() {
    let folder = Folder::new("image-links");
    let only_ours = "Start a whole platform";
    assert!(output(Path::new(PROGRAM), &["--help"]).contains(only_ours));
    for name in links() {
        let link = folder.join(name);
        std::os::unix::fs::symlink(PROGRAM, &link).unwrap();
        let help = output(&link, &["--help"]);
        assert!(!help.contains(only_ours), "{name} is nothing but carrick");
    }
    let controller = folder.join("rollouts-controller");
    let version = format!("v{}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(output(&controller, &["--version"]), version);
    assert_eq!(
        output(&controller, &["--leader-elect=false", "--help"]),
        output(Path::new(PROGRAM), &["run", "--help"])
    );
}

#[test]
fn what_manifests_start_is_in_the_image() {
    let programs: BTreeSet<&str> = links().into_iter().chain(["carrick"]).collect();
    let entry = |line: &'static str| {
        line.strip_prefix("ENTRYPOINT [\"/bin/")?
            .strip_suffix("\"]")
    };
    let entries: Vec<&str> = CONTAINERFILE.lines().filter_map(entry).collect();
    let images = CONTAINERFILE
        .lines()
        .filter(|line| line.starts_with("FROM "));
    assert_eq!(entries.len(), images.count());
    for entry in entries {
        assert!(programs.contains(entry), "no link {entry}");
    }
    let image = format!("carrick:v{}", env!("CARGO_PKG_VERSION"));
    let mut started = 0;
    for product in [&["rollouts"][..], &["monitoring", "--webhooks"]] {
        let manifests = output(Path::new(PROGRAM), &[&["install"], product].concat());
        for object in machinery::yaml::parse_documents(&manifests).unwrap() {
            let Some(containers) = object.pointer("/spec/template/spec/containers") else {
                continue;
            };
            for container in containers.as_array().unwrap() {
                let command = container["command"][0].as_str().unwrap();
                assert!(programs.contains(command), "no link {command}");
                assert_eq!(container["image"], image.as_str());
                started += 1;
            }
        }
    }
    assert_eq!(started, 3);
}
