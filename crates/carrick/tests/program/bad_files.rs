//! Files that are wrong, through `carrick plan` and `carrick rollouts lint`: the error names file, object, field and what
//! would be right, the program ends with 1, and nothing is stored.

use std::path::Path;
use std::process::Command;

use rollouts::api::ROLLOUT;
use runtime::client::connect::{ConnectOptions, connect};
use runtime::client::{Client, ClientOptions};
use runtime::{DeleteOptions, ObjectKey};
use serde_json::Value;

use super::common::{Folder, PROGRAM, Up};

const SELECTOR: &str = "{matchLabels: {app: web}}";

/// A Rollout as people write it.
fn rollout(name: &str, selector: &str, strategy: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {{name: {name}}}
spec:
  selector: {selector}
  strategy: {strategy}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: web, image: 'web:1'}}]}}
"
    )
}

/// Exit code, standard output and standard error.
fn ran(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn plan(kubeconfig: &Path, file: &Path) -> (Option<i32>, String, String) {
    let mut command = Command::new(PROGRAM);
    ran(command
        .args(["plan", "-f"])
        .arg(file)
        .env("KUBECONFIG", kubeconfig))
}

fn lint(file: &Path) -> (Option<i32>, String, String) {
    let mut command = Command::new(PROGRAM);
    ran(command.args(["rollouts", "lint", "-f"]).arg(file))
}

/// Calls `check` while a Rollout is stored and the controller has found out what is wrong with it; not at all if the server
/// doesn't take it.
fn while_stored(kubeconfig: &Path, text: &str, check: impl FnOnce()) {
    let Ok(documents) = machinery::yaml::parse_documents(text) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = ConnectOptions {
            kubeconfig: Some(kubeconfig.to_owned()),
            ..ConnectOptions::default()
        };
        let client = Client::new(connect(&options).await.unwrap(), ClientOptions::default());
        let mut rollout = documents[0].clone();
        machinery::meta::set_namespace(&mut rollout, "default");
        let key = ObjectKey::of(&rollout);
        if client.create(&ROLLOUT, &rollout).await.is_err() {
            return;
        }
        while !has_complaint(&client.get(&ROLLOUT, &key).await.unwrap().unwrap()) {}
        check();
        let options = DeleteOptions::default();
        client.delete(&ROLLOUT, &key, &options).await.unwrap();
    });
}

fn has_complaint(rollout: &Value) -> bool {
    rollout["status"]["message"]
        .as_str()
        .is_some_and(|message| message.starts_with("InvalidSpec"))
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_file_object_and_field() {
    let folder = Folder::new("bad-files");
    let up = Up::start(&folder.0).unwrap();
    let kubeconfig = folder.join("kubeconfig");
    let file = folder.join("bad.yaml");
    // What plan says, and whether lint, which sees no cluster, can say it too.
    let cases = [
        ("metadata: {name: web\n".to_owned(), "yaml: line 1: ", true),
        (
            rollout("web", SELECTOR, "{canary: {maxSurge: 1, maxSurgge: 1}}"),
            "unknown field \"maxSurgge\"",
            true,
        ),
        (
            rollout("web", SELECTOR, "{canary: {steps: ten}}"),
            "spec.strategy.canary.steps: invalid type: string \"ten\"",
            true,
        ),
        (
            rollout("web", "null", "{canary: {}}"),
            "spec.selector: Required value: Rollout has missing field '.spec.selector'",
            true,
        ),
        (
            rollout(
                "web",
                SELECTOR,
                "{canary: {maxSurge: 0, maxUnavailable: 0}}",
            ),
            "spec.strategy.maxSurge: Invalid value: 0: MaxSurge and MaxUnavailable both can not be zero",
            true,
        ),
        (
            rollout("web", SELECTOR, "{canary: {steps: [{setWeight: 101}]}}"),
            "spec.strategy.steps[0].setWeight: Invalid value: 101: SetWeight needs to be between 0 and 100",
            true,
        ),
        (
            rollout(
                "web",
                SELECTOR,
                "{canary: {steps: [{setWeight: 10, pause: {}}]}}",
            ),
            "Step must have one of the following set",
            true,
        ),
        (
            rollout("web", SELECTOR, "{blueGreen: {activeService: active}}"),
            "spec.strategy.blueGreen.activeService: Invalid value: \"active\": service \"active\" not found",
            false,
        ),
    ];
    for (text, wanted, seen_by_lint) in cases {
        std::fs::write(&file, &text).unwrap();
        let (code, _, stderr) = plan(&kubeconfig, &file);
        assert_eq!(code, Some(1), "plan of\n{text}\n{stderr}");
        for part in ["bad.yaml: ", wanted] {
            assert!(stderr.contains(part), "no {part:?} in {stderr}");
        }
        // The server drops unknown fields, and nothing is wrong with the rest.
        if !wanted.starts_with("unknown") {
            while_stored(&kubeconfig, &text, || {
                let (code, stdout, stderr) = plan(&kubeconfig, &file);
                assert_eq!(code, Some(1), "plan of what is stored\n{stdout}\n{stderr}");
                assert!(stderr.contains(wanted), "no {wanted:?} in {stderr}");
            });
        }
        let (code, _, stderr) = lint(&file);
        assert_eq!(code, Some(i32::from(seen_by_lint)), "lint of\n{text}");
        assert_eq!(stderr.contains(wanted), seen_by_lint, "{stderr}");
    }
    drop(up);
}

#[test]
fn a_bad_rollout_does_not_hide_the_plan_of_a_good_one() {
    let folder = Folder::new("bad-and-good");
    let up = Up::start(&folder.0).unwrap();
    let file = folder.join("both.yaml");
    let bad = rollout("bad", SELECTOR, "{canary: {steps: [{setWeight: 101}]}}");
    let good = rollout("good", SELECTOR, "{canary: {}}");
    std::fs::write(&file, format!("{bad}---\n{good}")).unwrap();
    let (code, stdout, stderr) = plan(&folder.join("kubeconfig"), &file);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("both.yaml: Rollout default/bad: "),
        "{stderr}"
    );
    assert!(!stderr.contains("default/good"), "{stderr}");
    let planned = stdout.split("rollout default/good").nth(1).unwrap();
    assert!(
        planned.contains("create ReplicaSet default/good-"),
        "{planned}"
    );
    drop(up);
}
