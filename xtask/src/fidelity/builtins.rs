//! Area `builtins`: what the built-in controllers make of scripts, in the end.
//!
//! A script is a file `tests/fidelity/builtins/NAME.yaml`: a list of steps, each a map with one of
//!
//! - `request: METHOD TARGET` with an optional `body` (a map, or a list for a JSON patch) and `type` (media type, by default
//!   JSON, for PATCH merge patch): its answer isn't compared;
//! - `create: TARGET` with a `body`: a POST;
//! - `until: TARGET` with `at` (a JSON pointer) and `is` (a value): waits, at most a minute, and both grounds must get there;
//! - `same: TARGET` with an optional `show` (a list of JSON pointers, where `*` is every element): the answer is compared, or
//!   the values at these places alone, each place as a sorted list.
//!
//! `${ns}` is the script's own namespace; the other placeholders are those of [`super::sequence`].
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::area::{Area, Chance};
use super::sequence::{Mode, Sequence, Step};

/// The scripts of the built-in controllers.
pub struct Builtins;

impl Area for Builtins {
    fn name(&self) -> &'static str {
        "builtins"
    }

    fn controllers(&self) -> bool {
        true
    }

    fn alone(&self, sequence: &Sequence) -> bool {
        // Messages of the scheduler count the nodes.
        sequence.title.starts_with("node")
    }

    fn sequences(&self, seed: u64) -> Result<Vec<Sequence>> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fidelity/builtins");
        let mut paths = std::fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<PathBuf>>>()?;
        paths.sort();
        // The first ones are a sample.
        Chance::of(seed, u64::MAX).shuffle(&mut paths);
        paths.iter().map(script).collect()
    }
}

fn script(path: &PathBuf) -> Result<Sequence> {
    let text = std::fs::read_to_string(path)?;
    let read = || -> Result<Sequence> {
        let steps = machinery::yaml::parse(&text)?.value;
        let steps = steps.as_array().context("a script is a list of steps")?;
        Ok(Sequence {
            title: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            steps: steps.iter().map(step).collect::<Result<_>>()?,
        })
    };
    read().with_context(|| path.display().to_string())
}

fn step(value: &Value) -> Result<Step> {
    let text = |key: &str| value[key].as_str();
    let step = if let Some(request) = text("request") {
        let (method, target) = request.split_once(' ').context("request: METHOD TARGET")?;
        Step::new(method, target).prepare()
    } else if let Some(target) = text("create") {
        Step::new("POST", target).prepare()
    } else if let Some(target) = text("until") {
        let at = text("at").context("until needs `at`")?;
        Step::get(target).until(at, value["is"].clone())
    } else if let Some(target) = text("same") {
        let mut step = Step::get(target);
        if let Some(places) = value["show"].as_array() {
            let places = places
                .iter()
                .filter_map(|place| Some(place.as_str()?.to_owned()));
            step.mode = Mode::Show(places.collect());
        }
        step
    } else {
        bail!("no step: {value}");
    };
    if value["body"].is_null() {
        return Ok(step);
    }
    let media_type = match (text("type"), step.method.as_str()) {
        (Some(media_type), _) => media_type,
        (None, "PATCH") => "application/merge-patch+json",
        (None, _) => "application/json",
    };
    Ok(step.body(media_type, value["body"].to_string()))
}
