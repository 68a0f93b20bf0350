//! Every pod and every ReplicaSet that a namespace ever had, seen through watches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use http::Request;
use http_body_util::BodyExt as _;
use kube::client::Body;
use runtime::ResourceRef;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::cluster::Cluster;
use crate::objects::{POD, REPLICA_SET, text};

/// What watches told.
#[derive(Default)]
struct Seen {
    /// UIDs by kind and image.
    ever: BTreeMap<(String, String), BTreeSet<String>>,
    /// The smallest and the largest `spec.replicas` of a ReplicaSet, by its UID.
    sizes: BTreeMap<String, (i64, i64)>,
}

/// A running count; it ends with this value.
pub struct Census {
    seen: Arc<Mutex<Seen>>,
    watches: Vec<JoinHandle<()>>,
}

impl Drop for Census {
    fn drop(&mut self) {
        for watch in &self.watches {
            watch.abort();
        }
    }
}

impl Census {
    /// Counts from now on, what is there included.
    pub fn begin(cluster: &Cluster) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let watch = |resource: ResourceRef| {
            let (client, seen) = (cluster.client().kube().clone(), seen.clone());
            let path = format!(
                "{}?watch=true",
                resource.collection_path(&cluster.namespace)
            );
            tokio::spawn(async move {
                // A watch that ends begins again, with everything that is there.
                while watch(&client, &path, &resource.kind, &seen).await.is_ok() {}
            })
        };
        let watches = [POD, REPLICA_SET].into_iter().map(watch).collect();
        Self { seen, watches }
    }

    /// The smallest and the largest size that a ReplicaSet was asked to have.
    pub fn sizes(&self, uid: &str) -> Option<(i64, i64)> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.sizes.get(uid).copied()
    }

    /// Fails unless there was one ReplicaSet of each image, and each had so many pods in all of its life.
    pub fn assert(&self, wanted: &[(&str, usize)]) -> Result<()> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let counts: BTreeMap<(&str, &str), usize> = seen
            .ever
            .iter()
            .map(|((kind, image), uids)| ((kind.as_str(), image.as_str()), uids.len()))
            .collect();
        let wanted = wanted
            .iter()
            .flat_map(|(image, pods)| [(("Pod", *image), *pods), (("ReplicaSet", *image), 1)])
            .collect();
        ensure!(
            counts == wanted,
            "objects ever made: {counts:?}, not {wanted:?}"
        );
        ensure!(
            self.watches.iter().all(|watch| !watch.is_finished()),
            "a watch broke off"
        );
        Ok(())
    }
}

async fn watch(client: &kube::Client, path: &str, kind: &str, seen: &Mutex<Seen>) -> Result<()> {
    let response = client.send(Request::get(path).body(Body::empty())?).await?;
    ensure!(response.status().is_success(), "{}", response.status());
    let mut body = response.into_body();
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        rest.extend_from_slice(&data);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let event: Value = serde_json::from_slice(&line)?;
            let object = event.get("object").context("no object")?;
            note(object, kind, seen);
        }
    }
    Ok(())
}

fn note(object: &Value, kind: &str, seen: &Mutex<Seen>) {
    let pointers = [
        "/spec/containers/0/image",
        "/spec/template/spec/containers/0/image",
    ];
    let Some(image) = pointers
        .iter()
        .map(|pointer| text(object, pointer))
        .find(|image| !image.is_empty())
    else {
        return;
    };
    let uid = machinery::meta::uid(object).to_owned();
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(size) = object.pointer("/spec/replicas").and_then(Value::as_i64) {
        let (least, most) = seen.sizes.entry(uid.clone()).or_insert((size, size));
        (*least, *most) = (size.min(*least), size.max(*most));
    }
    seen.ever
        .entry((kind.to_owned(), image.to_owned()))
        .or_default()
        .insert(uid);
}
