//! Cases in which ours differs on purpose.

/// Cases and why they differ; each reason is a line in `docs/differences.md`.
const MARKED: &[(&str, &str)] = &[
    (
        "a1958e9cdb51",
        "the enforced namespace label reaches targets of a ScrapeConfig without relabelings",
    ),
    (
        "f45dc8badd0b",
        "the enforced namespace label reaches targets of a ScrapeConfig without relabelings",
    ),
    ("605069161a0f", "Azure discovery keeps its HTTP settings"),
    ("8cdfe701dacf", "Azure discovery keeps its HTTP settings"),
    (
        "2abd7d9cd803",
        "an old version refuses only the discoveries that are used",
    ),
    (
        "2d89c8b02edb",
        "an old version refuses the discovery that is used, not another one",
    ),
    (
        "ff87b27f2603",
        "the label of the case, a lone byte 0xff, cannot be written in JSON",
    ),
    (
        "ba0efaea3783",
        "an empty thread_by_date is accepted, as the message of the refusal says",
    ),
    (
        "466a97443095",
        "an empty thread_by_date is accepted, as the message of the refusal says",
    ),
];

/// Why a case differs.
pub(super) fn reason(id: &str) -> Option<&'static str> {
    MARKED
        .iter()
        .find(|(marked, _)| *marked == id)
        .map(|(_, reason)| *reason)
}
