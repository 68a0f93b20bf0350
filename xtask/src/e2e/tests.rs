//! Which of upstream's tests are run, and which are left out because of what they use.
use std::fmt;

use anyhow::{Result, bail};

/// The suites that test what we have.
const SUITES: [&str; 5] = [
    "TestFunctionalSuite",
    "TestBlueGreenSuite",
    "TestCanarySuite",
    "TestRollbackSuite",
    "TestDurationSuite",
];

const ANALYSIS: &str = "uses analysis";
const ROUTER: &str = "uses a traffic router";

/// Tests of these suites that use what Carrick doesn't have yet.
const LEFT_OUT: [(&str, &str); 14] = [
    ("TestFunctionalSuite/TestBlueGreenPromoteFull", ANALYSIS),
    ("TestFunctionalSuite/TestCanaryPromoteFull", ANALYSIS),
    ("TestFunctionalSuite/TestFixInvalidSpec", ANALYSIS),
    (
        "TestCanarySuite/TestReduceWeightAndHonorMaxUnavailable",
        ANALYSIS,
    ),
    (
        "TestRollbackSuite/TestRollbackAnalysisOutsideWindow",
        ANALYSIS,
    ),
    (
        "TestRollbackSuite/TestRollbackAnalysisWithinWindow",
        ANALYSIS,
    ),
    ("TestCanarySuite/TestCanaryDynamicStableScale", ROUTER),
    (
        "TestCanarySuite/TestCanaryDynamicStableScaleAbortScaleDownDelay",
        ROUTER,
    ),
    (
        "TestCanarySuite/TestCanaryDynamicStableScaleRollbackToStable",
        ROUTER,
    ),
    ("TestCanarySuite/TestCanaryScaleDownDelay", ROUTER),
    (
        "TestCanarySuite/TestCanaryScaleDownDelayWithProgressDeadline",
        ROUTER,
    ),
    ("TestCanarySuite/TestCanaryScaleDownOnAbort", ROUTER),
    ("TestCanarySuite/TestCanarySetCanaryScale", ROUTER),
    ("TestCanarySuite/TestCanaryUnScaleDownOnAbort", ROUTER),
];

/// One test of upstream's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// The Go function that runs its suite.
    pub suite: String,
    /// The method.
    pub name: String,
    /// Why it isn't run.
    pub left_out: Option<&'static str>,
}

impl Test {
    /// As Go prints it.
    pub fn id(&self) -> String {
        format!("{}/{}", self.suite, self.name)
    }

    /// `E2E_POD_DELAY`: durations need revisions in different seconds; elsewhere a
    /// delay would change pod templates whose hashes are spelled out.
    pub fn pod_delay(&self) -> &'static str {
        if self.suite == "TestDurationSuite" {
            "1"
        } else {
            "0"
        }
    }
}

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// At the first try.
    Passed,
    /// At the second try.
    PassedAgain,
    /// Twice not.
    Failed,
    /// Not run.
    LeftOut,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::PassedAgain => "passed at the second try",
            Self::Failed => "FAILED",
            Self::LeftOut => "left out",
        })
    }
}

/// The tests of our suites, as declared in the Go files.
///
/// # Errors
/// If one that is left out doesn't exist: the list would be out of date.
pub fn all(files: &[String]) -> Result<Vec<Test>> {
    let mut tests: Vec<Test> = files
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(declared)
        .filter(|test| SUITES.contains(&test.suite.as_str()))
        .collect();
    tests.sort_by_key(Test::id);
    for (id, _) in LEFT_OUT {
        if !tests.iter().any(|test| test.id() == id) {
            bail!("upstream has no test {id}");
        }
    }
    Ok(tests)
}

/// `func (s *CanarySuite) TestX() {` as a test.
fn declared(line: &str) -> Option<Test> {
    let (suite, rest) = line.strip_prefix("func (s *")?.split_once(") ")?;
    let (name, _) = rest.split_once("()")?;
    if !name.starts_with("Test") {
        return None;
    }
    let suite = format!("Test{suite}");
    let id = format!("{suite}/{name}");
    Some(Test {
        left_out: LEFT_OUT.iter().find(|(l, _)| *l == id).map(|(_, why)| *why),
        suite,
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn a_method_named_test_is_a_test_and_a_set_up_is_none() {
        let lines = [
            "func (s *CanarySuite) TestEphemeralMetadata() {",
            "func (s *CanarySuite) TestCanarySetCanaryScale() {",
            "func (s *CanarySuite) SetupSuite() {",
            "func TestCanarySuite(t *testing.T) {",
        ];
        let test = |name: &str, left_out| Test {
            suite: "TestCanarySuite".to_owned(),
            name: name.to_owned(),
            left_out,
        };
        assert_eq!(
            lines.map(declared),
            [
                Some(test("TestEphemeralMetadata", None)),
                Some(test("TestCanarySetCanaryScale", Some(ROUTER))),
                None,
                None,
            ]
        );
    }
}
