//! Query parameters and headers that any request may have.
use crate::fidelity::area::Chance;
use crate::fidelity::sequence::Step;

const ACCEPT: &[&str] = &[
    "application/json",
    "application/yaml",
    "*/*",
    "application/json;as=Table;g=meta.k8s.io;v=v1",
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    "text/html",
    "application/json;as=Other;g=meta.k8s.io;v=v1",
    "text/plain, application/json;q=0.5",
    "",
];

const WRITE: &[&str] = &[
    "dryRun=All",
    "dryRun=All",
    "dryRun=Some",
    "dryRun=",
    "dryRun=All&dryRun=All",
    "fieldValidation=Strict",
    "fieldValidation=Strict",
    "fieldValidation=Warn",
    "fieldValidation=Ignore",
    "fieldValidation=Other",
    "fieldManager=m",
    "fieldManager=m%0a",
    "fieldManager=0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "pretty=true",
    "force=true",
    "unknown=1",
];

/// Sometimes asks for another form of the answer.
pub fn accept(chance: &mut Chance, step: Step, often: usize) -> Step {
    if chance.once_in(often) {
        let accept = chance.pick(ACCEPT);
        return step.header("accept", accept);
    }
    step
}

/// Adds parameters to a target.
pub fn with(mut step: Step, parameters: &str) -> Step {
    if parameters.is_empty() {
        return step;
    }
    step.target
        .push(if step.target.contains('?') { '&' } else { '?' });
    step.target.push_str(parameters);
    step
}

/// Sometimes options of a write.
pub fn write(chance: &mut Chance, mut step: Step) -> Step {
    if chance.once_in(3) {
        step = with(step, chance.pick(WRITE));
        if chance.once_in(4) {
            step = with(step, chance.pick(WRITE));
        }
    }
    accept(chance, step, 12)
}
