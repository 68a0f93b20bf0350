//! What the tour shows: an action, what it comes to, and why.

const BLUE_GREEN: &str = include_str!("../../../../examples/blue-green.yaml");
const CANARY: &str = include_str!("../../../../examples/canary.yaml");

/// One step of the tour.
pub struct Step {
    /// What it is about.
    pub title: &'static str,
    /// The same by hand.
    pub command: &'static str,
    /// The Rollout whose picture is shown.
    pub rollout: &'static str,
    /// What is done.
    pub action: Action,
    /// When it has come to its end.
    pub until: Until,
    /// What just happened, and why.
    pub why: &'static str,
}

/// What a step does.
pub enum Action {
    /// Applies a manifest.
    Apply(&'static str),
    /// Sets the image of a container.
    SetImage(&'static str, &'static str),
    /// Promotes.
    Promote,
    /// Aborts.
    Abort,
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

/// All steps, in order.
pub fn steps() -> Vec<Step> {
    let mut steps = blue_green();
    steps.extend(canary());
    steps
}

fn blue_green() -> Vec<Step> {
    let rollout = "shop";
    vec![
        Step {
            title: "Blue-green: the first version",
            command: "kubectl apply -f examples/blue-green.yaml",
            rollout,
            action: Action::Apply(BLUE_GREEN),
            until: Until::Phase("Healthy"),
            why: "a first version has nothing to be compared with: it went straight behind both Services",
        },
        Step {
            title: "A new version, seen through the preview Service only",
            command: "carrick rollouts set image shop shop=registry.example/shop:green",
            rollout,
            action: Action::SetImage("shop", "registry.example/shop:green"),
            until: Until::Phase("Paused"),
            why: "green is up at full size behind shop-preview, users still get blue: autoPromotionEnabled is false",
        },
        Step {
            title: "Promote it",
            command: "carrick rollouts promote shop",
            rollout,
            action: Action::Promote,
            until: Until::Phase("Healthy"),
            why: "shop-active selects green now; blue stays for scaleDownDelaySeconds, so that going back is instant",
        },
        Step {
            title: "A little later",
            command: "carrick rollouts get rollout shop --watch",
            rollout,
            action: Action::Wait,
            until: Until::OldIsGone,
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
            rollout,
            action: Action::Apply(CANARY),
            until: Until::Phase("Healthy"),
            why: "there is nothing to protect yet, so all steps were skipped: 8/8",
        },
        Step {
            title: "A new version for one pod in five",
            command: "carrick rollouts set image cart cart=registry.example/cart:2.0",
            rollout,
            action: Action::SetImage("cart", "registry.example/cart:2.0"),
            until: Until::PausedAt(1),
            why: "setWeight 20 of 5 replicas is one canary; the pause without a duration waits for you",
        },
        Step {
            title: "It looks good: promote",
            command: "carrick rollouts promote cart",
            rollout,
            action: Action::Promote,
            until: Until::PausedAt(3),
            why: "40 per cent now; this pause ends by itself after 3 seconds, as the others do",
        },
        Step {
            title: "The rest of the way",
            command: "carrick rollouts status cart",
            rollout,
            action: Action::Wait,
            until: Until::Phase("Healthy"),
            why: "60, 80, 100 per cent: version 2.0 is the stable one now",
        },
        Step {
            title: "A version that can't start",
            command: "carrick rollouts set image cart cart=registry.example/cart:bad",
            rollout,
            action: Action::SetImage("cart", "registry.example/cart:bad"),
            until: Until::BadPods,
            why: "its only pod can't pull the image; the other pods still serve 2.0, and nothing goes further",
        },
        Step {
            title: "Abort it",
            command: "carrick rollouts abort cart",
            rollout,
            action: Action::Abort,
            until: Until::Phase("Degraded"),
            why: "the canary goes to zero and 2.0 back to five pods; Degraded says that spec and world differ",
        },
        Step {
            title: "And back: the stable image again",
            command: "carrick rollouts set image cart cart=registry.example/cart:2.0",
            rollout,
            action: Action::SetImage("cart", "registry.example/cart:2.0"),
            until: Until::Phase("Healthy"),
            why: "the template is the stable one's again: healthy at once, without any step",
        },
    ]
}
