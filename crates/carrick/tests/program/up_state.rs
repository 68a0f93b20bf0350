//! `carrick up --state DIR`: what a client was told is stored is there afterwards, however the process ends; and what is
//! said when the folder, the port or the disk can't be had.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::common::{Ended, Folder, PROGRAM, Up};
use machinery::entropy::Entropy;
use runtime::client::connect::{ConnectOptions, connect};
use runtime::client::{Client, ClientOptions};
use runtime::{DeleteOptions, Error, ObjectKey, Patch, ResourceRef};
use serde_json::{Value, json};

const CONFIG_MAP: ResourceRef = ResourceRef::namespaced("", "v1", "ConfigMap", "configmaps");
const ENDPOINTS: ResourceRef = ResourceRef::namespaced("", "v1", "Endpoints", "endpoints");
const NAMESPACE: &str = "default";
const WRITERS: u64 = 6;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

async fn client(state: &Path) -> Client {
    let options = ConnectOptions {
        kubeconfig: Some(state.join("kubeconfig")),
        ..ConnectOptions::default()
    };
    Client::new(connect(&options).await.unwrap(), ClientOptions::default())
}

fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}, "data": {"value": value}})
}

/// The value of every ConfigMap of the test, and the highest revision.
async fn stored(client: &Client) -> (BTreeMap<String, String>, u64) {
    let mut values = BTreeMap::new();
    let mut newest = 0;
    for found in client.list(&CONFIG_MAP, NAMESPACE, "").await.unwrap() {
        newest = newest.max(revision(&found));
        if let Some(value) = found.pointer("/data/value").and_then(Value::as_str) {
            values.insert(machinery::meta::name(&found).to_owned(), value.to_owned());
        }
    }
    (values, newest)
}

fn revision(object: &Value) -> u64 {
    machinery::meta::resource_version(object).parse().unwrap()
}

/// A value, or that there is none.
type Stored = Option<String>;

/// What clients know about one object: what they were told last, and what may have become of it since.
#[derive(Clone, Debug, Default)]
struct Known {
    told: Stored,
    under_way: Vec<Stored>,
}

/// What all clients know together, and how many answers there may be until the process is killed.
struct Ledger {
    known: BTreeMap<String, Known>,
    newest: u64,
    answers_left: u64,
    up: Up,
}

impl Ledger {
    fn answered(&mut self, name: &str, value: Option<String>, revision: u64) {
        self.known.insert(
            name.to_owned(),
            Known {
                told: value,
                under_way: Vec::new(),
            },
        );
        self.newest = self.newest.max(revision);
        self.answers_left = self.answers_left.saturating_sub(1);
        if self.answers_left == 0 {
            self.up.child.kill().unwrap();
        }
    }
}

/// Creates, changes and deletes its own objects until the server is gone.
async fn write(client: Client, writer: u64, round: u64, ledger: Arc<Mutex<Ledger>>) {
    let mut chance = Entropy::seeded(writer + 100 * round);
    for number in 0.. {
        let name = format!("w{writer}-{}", chance.below(4));
        let key = ObjectKey::new(NAMESPACE, &name);
        let told = {
            let mut ledger = ledger.lock().unwrap();
            ledger.known.entry(name.clone()).or_default().told.clone()
        };
        let value = (told.is_none() || chance.below(4) > 0).then(|| {
            format!(
                "{round}-{number}-{}",
                "x".repeat(usize::try_from(chance.below(3000)).unwrap())
            )
        });
        ledger
            .lock()
            .unwrap()
            .known
            .entry(name.clone())
            .or_default()
            .under_way = vec![value.clone()];
        let answer = match (&told, &value) {
            (None, Some(value)) => client.create(&CONFIG_MAP, &config_map(&name, value)).await,
            (_, Some(value)) => {
                let patch = Patch::Merge(config_map(&name, value));
                client.patch(&CONFIG_MAP, &key, None, &patch).await
            }
            (_, None) => {
                let options = DeleteOptions::default();
                client.delete(&CONFIG_MAP, &key, &options).await
            }
        };
        match answer {
            Ok(answer) => {
                let object = answer.value().unwrap_or_default();
                let revision = value.as_ref().map_or(0, |_| revision(&object));
                ledger.lock().unwrap().answered(&name, value, revision);
            }
            Err(error) => {
                assert!(!matches!(error, Error::Api(_)), "{error}");
                return;
            }
        }
    }
}

/// Six clients write at once; after a number of answers that a seed decides the process is killed, with writes under way.
#[test]
fn what_clients_were_told_is_there_after_sigkill() {
    let folder = Folder::new("sigkill");
    let mut chance = Entropy::seeded(0xa7);
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let mut newest = 0;
    for round in 0..6 {
        let up = Up::start(&folder.0).unwrap();
        let ledger = Arc::new(Mutex::new(Ledger {
            known: known.clone(),
            newest,
            answers_left: 1 + chance.below(150),
            up,
        }));
        runtime().block_on(async {
            let client = client(&folder.0).await;
            let (values, revision) = stored(&client).await;
            check(&known, newest, &values, revision);
            // What was under way is decided now.
            ledger.lock().unwrap().known = decided(values);
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| tokio::spawn(write(client.clone(), writer, round, ledger.clone())))
                .collect();
            for writer in writers {
                writer.await.unwrap();
            }
        });
        let ledger = Arc::into_inner(ledger).unwrap().into_inner().unwrap();
        let (ended, _) = ledger.up.end();
        assert!(ended.status.code().is_none(), "it was killed: {ended:?}");
        (known, newest) = (ledger.known, ledger.newest);
        assert!(!known.is_empty());
    }
    let _up = Up::start(&folder.0).unwrap();
    runtime().block_on(async {
        let client = client(&folder.0).await;
        let (values, revision) = stored(&client).await;
        check(&known, newest, &values, revision);
    });
}

fn decided(values: BTreeMap<String, String>) -> BTreeMap<String, Known> {
    let known = |value| Known {
        told: Some(value),
        under_way: Vec::new(),
    };
    values
        .into_iter()
        .map(|(name, value)| (name, known(value)))
        .collect()
}

/// Compares what clients know with what is stored.
fn check(
    known: &BTreeMap<String, Known>,
    newest: u64,
    stored: &BTreeMap<String, String>,
    revision: u64,
) {
    for (name, Known { told, under_way }) in known {
        let found = stored.get(name);
        let possible =
            found == told.as_ref() || under_way.iter().any(|value| found == value.as_ref());
        assert!(
            possible,
            "{name}: clients know {told:?}, {under_way:?} was under way, {found:?} is stored"
        );
    }
    assert!(stored.keys().all(|name| known.contains_key(name)));
    assert!(
        revision >= newest || stored.len() < known.len(),
        "revision {newest} was seen, {revision} is the newest"
    );
}

/// Stores something, and returns what is there.
fn store_one(state: &Path, name: &str) -> BTreeMap<String, String> {
    runtime().block_on(async {
        let client = client(state).await;
        client
            .create(&CONFIG_MAP, &config_map(name, "kept"))
            .await
            .unwrap();
        stored(&client).await.0
    })
}

#[test]
fn signals_end_it_soon_with_everything_kept() {
    let folder = Folder::new("signals");
    for (number, signal) in ["INT", "TERM"].into_iter().enumerate() {
        let up = Up::start(&folder.0).unwrap();
        assert_eq!(
            store_one(&folder.0, &signal.to_lowercase()).len(),
            number + 1
        );
        up.signal(signal);
        let (ended, took) = up.end();
        assert!(ended.status.success(), "{ended:?}");
        // A second, where nothing else takes the processor.
        assert!(took < Duration::from_secs(10), "it took {took:?}");
    }
    let _up = Up::start(&folder.0).unwrap();
    assert_eq!(store_one(&folder.0, "third").len(), 3);
}

#[test]
fn a_taken_folder_and_a_taken_port_are_named_with_a_way_out() {
    let folder = Folder::new("taken");
    let up = Up::start(&folder.0).unwrap();
    let kubeconfig = std::fs::read_to_string(folder.join("kubeconfig")).unwrap();

    let refused = Up::start(&folder.0).err().unwrap();
    let owner = format!("is in use by process {}", up.child.id());
    refused.assert_error(&[&folder.0.display().to_string(), &owner, "`--state`"]);

    let address = kubeconfig
        .lines()
        .find_map(|line| line.split_once("https://"))
        .unwrap()
        .1
        .trim_matches('"');
    let mut second = Command::new(PROGRAM);
    let refused = Up::of(second.args(["up", "--addr", address]))
        .err()
        .unwrap();
    refused.assert_error(&[address, "`--addr`"]);

    // Neither was in the way of the first.
    assert_eq!(store_one(&folder.0, "one").len(), 1);
    let after = std::fs::read_to_string(folder.join("kubeconfig")).unwrap();
    assert_eq!(after, kubeconfig);
}

/// Every way in which the file of the state may be damaged, by name.
fn damages(whole: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![
        ("text".to_owned(), b"this is no database\n".repeat(1000)),
        ("half".to_owned(), whole[..whole.len() / 2].to_vec()),
        ("no head".to_owned(), {
            let mut bytes = whole.to_vec();
            bytes[..4096].fill(0);
            bytes
        }),
    ];
    let mut chance = Entropy::seeded(7);
    for number in 0..12 {
        let mut bytes = whole.to_vec();
        let page = 4096 * usize::try_from(chance.below(whole.len() as u64 / 4096)).unwrap();
        for byte in &mut bytes[page..page + 4096] {
            *byte ^= 0x55;
        }
        all.push((format!("page {number}"), bytes));
    }
    all
}

/// It either says that the state is damaged, and leaves the file as it was, or nothing that was kept is missing: not
/// every page of a file is in use.
#[test]
fn a_damaged_file_is_named_and_left_as_it_is() {
    let folder = Folder::new("damaged");
    let up = Up::start(&folder.0).unwrap();
    store_one(&folder.0, "one");
    up.signal("TERM");
    assert!(up.end().0.status.success());
    let file = folder.join("carrick.redb");
    let whole = std::fs::read(&file).unwrap();
    let mut refused = 0;
    for (name, bytes) in damages(&whole) {
        std::fs::write(&file, &bytes).unwrap();
        match Up::start(&folder.0) {
            Err(ended) => {
                refused += 1;
                ended.assert_error(&[&folder.0.display().to_string(), "damaged"]);
                let left = std::fs::read(&file).unwrap();
                assert!(left == bytes, "{name}: the file was changed");
            }
            Ok(_up) => assert_eq!(store_one(&folder.0, "two").len(), 2, "{name}"),
        }
    }
    assert!(refused > 3, "only {refused} kinds of damage were seen");
}

#[test]
fn it_can_listen_on_every_address() {
    for (addr, server, open) in [
        ("[::1]:0", "https://[::1]:", false),
        ("0.0.0.0:0", "https://", true),
    ] {
        let folder = Folder::new("addresses");
        let mut command = Command::new(PROGRAM);
        command.args(["up", "--addr", addr, "--state"]);
        let up = Up::of(command.arg(&folder.0)).unwrap();
        let said = &up.said;
        assert!(said.starts_with("starting carrick "), "{said}");
        assert!(!said.contains("system object"), "{said}");
        assert!(
            said.contains(server) && !said.contains("https://0.0.0.0"),
            "{said}"
        );
        assert_eq!(said.contains("is open to the network"), open, "{said}");
        runtime().block_on(async {
            let kubernetes = ObjectKey::new(NAMESPACE, "kubernetes");
            let found = client(&folder.0).await.get(&ENDPOINTS, &kubernetes).await;
            assert!(found.unwrap().is_some(), "{addr}");
        });
    }
}

#[test]
fn it_is_not_up_where_it_cannot_keep_what_it_begins_with() {
    let folder = Folder::new("narrow");
    let script = format!(
        "trap '' XFSZ; ulimit -f 4000; exec {PROGRAM} up --addr 127.0.0.1:0 --state {}",
        folder.0.display()
    );
    let ended = Up::of(Command::new("sh").args(["-c", &script]));
    let Err(ended) = ended.map(drop) else {
        panic!("it said that it is up");
    };
    ended.assert_error(&["state directory", "room"]);
}

/// A limit on the size of files is what a full disk looks like to a process, and needs no rights.
#[test]
fn a_full_disk_ends_it_with_everything_kept_that_was_answered() {
    let folder = Folder::new("full");
    let script = format!(
        "trap '' XFSZ; ulimit -f 20000; exec {PROGRAM} up --addr 127.0.0.1:0 --state {}",
        folder.0.display()
    );
    let up = Up::of(Command::new("sh").args(["-c", &script])).unwrap();
    let mut answered = 0;
    runtime().block_on(async {
        let client = client(&folder.0).await;
        let large = "x".repeat(200_000);
        loop {
            let object = config_map(&format!("large-{answered}"), &large);
            match client.create(&CONFIG_MAP, &object).await {
                Ok(_) => answered += 1,
                Err(_) => break,
            }
        }
    });
    let (ended, _): (Ended, _) = up.end();
    ended.assert_error(&[&folder.0.display().to_string(), "cannot keep"]);
    assert!(answered > 0);
    let _up = Up::start(&folder.0).unwrap();
    let found = store_one(&folder.0, "small").len();
    assert!(
        found > answered,
        "{answered} were answered, {found} are there"
    );
}

#[test]
fn a_kubeconfig_with_other_clusters_is_spared_and_one_of_its_own_is_not() {
    let folder = Folder::new("kubeconfig");
    let file = folder.join("config");
    let start = || {
        let mut command = Command::new(PROGRAM);
        command.args(["up", "--addr", "127.0.0.1:0", "--kubeconfig"]);
        Up::of(command.arg(&file))
    };
    drop(start().unwrap());
    drop(start().unwrap());
    let theirs = "clusters: [{name: prod, cluster: {server: 'https://prod'}}]\n";
    std::fs::write(&file, theirs).unwrap();
    let Err(ended) = start() else {
        panic!("it is up")
    };
    ended.assert_error(&["config is there and not only ours"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), theirs);
}

#[test]
fn a_kubeconfig_that_can_t_be_written_is_told_of_before_anything_is_begun() {
    let folder = Folder::new("unwritable");
    let state = folder.join("state");
    let mut command = Command::new(PROGRAM);
    command.args(["up", "--addr", "127.0.0.1:0", "--state"]);
    command.arg(&state).arg("--kubeconfig");
    let Err(ended) = Up::of(command.arg(folder.join("absent/config"))) else {
        panic!("it is up")
    };
    ended.assert_error(&["cannot write", "absent/config", "`--kubeconfig`"]);
    assert!(!state.exists(), "it has begun");
}
