//! What the tour shows: an action, what it comes to, and why.

use super::monitoring::Look;

const BLUE_GREEN: &str = include_str!("../../../../examples/blue-green.yaml");
const CANARY: &str = include_str!("../../../../examples/canary.yaml");
const PROMETHEUS: &str = include_str!("../../../../examples/monitoring/prometheus.yaml");
const HELLO: &str = include_str!("../../../../examples/monitoring/hello.yaml");
const ALERT: &str = include_str!("../../../../examples/monitoring/alert.yaml");

/// One step of the tour.
pub struct Step {
    /// What it is about.
    pub title: &'static str,
    /// The same by hand.
    pub command: &'static str,
    /// What is done.
    pub action: Action,
    /// What is shown, and when it has come to its end.
    pub scene: Scene,
    /// What just happened, and why.
    pub why: &'static str,
}

/// What a step shows.
pub enum Scene {
    /// A Rollout's picture.
    Rollout(&'static str, Until),
    /// What Prometheus and Alertmanager say.
    Monitoring(Look),
}

impl Step {
    /// The Rollout it is about.
    pub fn rollout(&self) -> Option<&'static str> {
        match self.scene {
            Scene::Rollout(name, _) => Some(name),
            Scene::Monitoring(_) => None,
        }
    }
}

/// What a step does.
pub enum Action {
    /// Applies a manifest.
    Apply(&'static str),
    /// Sets the image of a Rollout's container.
    SetImage(&'static str, &'static str, &'static str),
    /// Promotes a Rollout.
    Promote(&'static str),
    /// Aborts a Rollout.
    Abort(&'static str),
    /// Nothing: time does it.
    Wait,
}

/// When a step has come to its end.
pub enum Until {
    /// The phase is this.
    Phase(&'static str),
    /// Paused at this step of a canary.
    PausedAt(i32),
    /// Pods can't get their image.
    BadPods,
    /// Healthy, and only one ReplicaSet has pods.
    OldIsGone,
}

/// The manifests of the chapter on monitoring.
pub const MONITORING: [&str; 3] = [ALERT, HELLO, PROMETHEUS];

/// All steps, in order; the chapter on monitoring only where it can be shown.
pub fn steps(monitors: bool) -> Vec<Step> {
    let mut steps = blue_green();
    steps.extend(canary());
    if monitors {
        steps.extend(monitoring());
    }
    steps
}

fn blue_green() -> Vec<Step> {
    let rollout = "shop";
    vec![
        Step {
            title: "Blue-green: the first version",
            command: "kubectl apply -f examples/blue-green.yaml",
            action: Action::Apply(BLUE_GREEN),
            scene: Scene::Rollout(rollout, Until::Phase("Healthy")),
            why: "a first version has nothing to be compared with: it went straight behind both Services",
        },
        Step {
            title: "A new version, seen through the preview Service only",
            command: "carrick rollouts set image shop shop=registry.example/shop:green",
            action: Action::SetImage(rollout, "shop", "registry.example/shop:green"),
            scene: Scene::Rollout(rollout, Until::Phase("Paused")),
            why: "green is up at full size behind shop-preview, users still get blue: autoPromotionEnabled is false",
        },
        Step {
            title: "Promote it",
            command: "carrick rollouts promote shop",
            action: Action::Promote(rollout),
            scene: Scene::Rollout(rollout, Until::Phase("Healthy")),
            why: "shop-active selects green now; blue stays for scaleDownDelaySeconds, so that going back is instant",
        },
        Step {
            title: "A little later",
            command: "carrick rollouts get rollout shop --watch",
            action: Action::Wait,
            scene: Scene::Rollout(rollout, Until::OldIsGone),
            why: "the delay has passed and blue was scaled down; its ReplicaSet remains for an undo",
        },
    ]
}

fn canary() -> Vec<Step> {
    let rollout = "cart";
    vec![
        Step {
            title: "Canary: the first version",
            command: "kubectl apply -f examples/canary.yaml",
            action: Action::Apply(CANARY),
            scene: Scene::Rollout(rollout, Until::Phase("Healthy")),
            why: "there is nothing to protect yet, so all steps were skipped: 8/8",
        },
        Step {
            title: "A new version for one pod in five",
            command: "carrick rollouts set image cart cart=registry.example/cart:2.0",
            action: Action::SetImage(rollout, "cart", "registry.example/cart:2.0"),
            scene: Scene::Rollout(rollout, Until::PausedAt(1)),
            why: "setWeight 20 of 5 replicas is one canary; the pause without a duration waits for you",
        },
        Step {
            title: "It looks good: promote",
            command: "carrick rollouts promote cart",
            action: Action::Promote(rollout),
            scene: Scene::Rollout(rollout, Until::PausedAt(3)),
            why: "40 per cent now; this pause ends by itself after 3 seconds, as the others do",
        },
        Step {
            title: "The rest of the way",
            command: "carrick rollouts status cart",
            action: Action::Wait,
            scene: Scene::Rollout(rollout, Until::Phase("Healthy")),
            why: "60, 80, 100 per cent: version 2.0 is the stable one now",
        },
        Step {
            title: "A version that can't start",
            command: "carrick rollouts set image cart cart=registry.example/cart:bad",
            action: Action::SetImage(rollout, "cart", "registry.example/cart:bad"),
            scene: Scene::Rollout(rollout, Until::BadPods),
            why: "its only pod can't pull the image; the other pods still serve 2.0, and nothing goes further",
        },
        Step {
            title: "Abort it",
            command: "carrick rollouts abort cart",
            action: Action::Abort(rollout),
            scene: Scene::Rollout(rollout, Until::Phase("Degraded")),
            why: "the canary goes to zero and 2.0 back to five pods; Degraded says that spec and world differ",
        },
        Step {
            title: "And back: the stable image again",
            command: "carrick rollouts set image cart cart=registry.example/cart:2.0",
            action: Action::SetImage(rollout, "cart", "registry.example/cart:2.0"),
            scene: Scene::Rollout(rollout, Until::Phase("Healthy")),
            why: "the template is the stable one's again: healthy at once, without any step",
        },
    ]
}

fn monitoring() -> Vec<Step> {
    vec![
        Step {
            title: "Monitoring: a Prometheus and an Alertmanager",
            command: "kubectl apply -f examples/monitoring/prometheus.yaml",
            action: Action::Apply(PROMETHEUS),
            scene: Scene::Monitoring(Look::Available),
            why: "real programs of this computer, each at an address of its own, with the configuration that the controllers wrote",
        },
        Step {
            title: "Something to watch, and a ServiceMonitor",
            command: "kubectl apply -f examples/monitoring/hello.yaml",
            action: Action::Apply(HELLO),
            scene: Scene::Monitoring(Look::TargetsUp),
            why: "the ServiceMonitor became a job of the configuration, the reloader told Prometheus, and it found the Service's pods",
        },
        Step {
            title: "A rule that fires",
            command: "kubectl apply -f examples/monitoring/alert.yaml",
            action: Action::Apply(ALERT),
            scene: Scene::Monitoring(Look::Firing),
            why: "the PrometheusRule is checked before it is mounted: one that Prometheus would refuse never gets there",
        },
        Step {
            title: "An alert that arrives",
            command: "kubectl logs deployment/receiver",
            action: Action::Wait,
            scene: Scene::Monitoring(Look::Arrived),
            why: "the AlertmanagerConfig routes alerts of its namespace to a webhook: the receiver printed what it was sent",
        },
    ]
}
