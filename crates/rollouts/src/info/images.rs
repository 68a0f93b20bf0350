//! Which images a Rollout's pods run, and as what.

use super::analysis::ExperimentInfo;
use super::replica_set::ReplicaSetInfo;

/// An image and what it is used as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageInfo {
    /// The image as written.
    pub image: String,
    /// Tags of the ReplicaSets that run it.
    pub tags: Vec<String>,
}

/// The images of ReplicaSets that have pods, sorted, one entry each.
pub(super) fn of_sets(sets: &[ReplicaSetInfo]) -> Vec<ImageInfo> {
    merged(sets.iter().filter(|set| set.replicas > 0).flat_map(|set| {
        let tags: Vec<String> = if set.template.is_empty() {
            set.tags.iter().map(|tag| tag.as_str().to_owned()).collect()
        } else {
            vec![format!("Σ:{}", set.template)]
        };
        set.images.iter().map(move |image| ImageInfo {
            image: image.clone(),
            tags: tags.clone(),
        })
    }))
}

/// The same for a Rollout: of its own ReplicaSets, then of its Experiments'.
pub(super) fn of_rollout(
    sets: &[ReplicaSetInfo],
    experiments: &[ExperimentInfo],
) -> Vec<ImageInfo> {
    let of_experiments = experiments.iter().flat_map(ExperimentInfo::images);
    merged(of_sets(sets).into_iter().chain(of_experiments))
}

fn merged(images: impl Iterator<Item = ImageInfo>) -> Vec<ImageInfo> {
    let mut merged: Vec<ImageInfo> = Vec::new();
    for image in images {
        if let Some(known) = merged.iter_mut().find(|known| known.image == image.image) {
            known.tags.extend(image.tags);
            known.tags.sort();
            known.tags.dedup();
        } else {
            merged.push(image);
        }
    }
    merged.sort_by(|a, b| a.image.cmp(&b.image));
    merged
}
