//! Controllers whose writes webhooks are asked about.

use serde_json::{Value, json};

use super::Cluster;
use crate::apiserver::resource::{Resource, known};
use crate::outside::{Answer, Question};

fn hook(rules: &Value) -> (Resource, Value) {
    let resource = Resource::new(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        false,
    );
    let webhook = json!({
        "name": "w.example.com", "rules": rules, "clientConfig": {"url": "https://h.example.com/"},
        "sideEffects": "None", "admissionReviewVersions": ["v1"],
    });
    let object = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "h"}, "webhooks": [webhook]});
    (resource, object)
}

impl Cluster {
    /// A webhook for new pods, in force once the cluster is up.
    fn judge_pods(&mut self) {
        let rules = json!([{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]);
        let (resource, object) = hook(&rules);
        self.create(&resource, object);
    }

    /// Answers everything that is asked until nothing more is; returns the questions.
    fn answer_all(&mut self, response: &Value) -> Vec<Question> {
        let mut asked = Vec::new();
        loop {
            self.run(0);
            let questions = self.world.api.take_questions();
            if questions.is_empty() {
                return asked;
            }
            for (id, question) in questions {
                let mut response = response.clone();
                response["uid"] = json!(question.uid);
                let review = json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response});
                let answer = Answer::Reply {
                    status: 200,
                    body: review.to_string().into(),
                };
                self.world.answer(id, &question, answer, self.now);
                asked.push(question);
            }
        }
    }

    fn reasons(&mut self) -> Vec<String> {
        let events = self.list(&known::EVENTS);
        let reasons = events.iter().filter_map(|event| event["reason"].as_str());
        reasons.map(str::to_owned).collect()
    }
}

#[test]
fn a_controller_goes_on_once_the_answer_is_there_as_if_nothing_had_been() {
    let mut cluster = Cluster::new();
    cluster.judge_pods();
    cluster.deployment(3, "i");
    cluster.run(5);
    assert!(cluster.list(&known::PODS).is_empty());
    let asked = cluster.answer_all(&json!({"allowed": true}));
    let mut reviewed: Vec<&Value> = asked
        .iter()
        .map(|question| &question.body["request"]["object"]["metadata"]["uid"])
        .collect();
    let pods = cluster.list(&known::PODS);
    let mut made: Vec<&Value> = pods.iter().map(|pod| &pod["metadata"]["uid"]).collect();
    reviewed.sort_by_key(ToString::to_string);
    made.sort_by_key(ToString::to_string);
    assert_eq!(made.len(), 3);
    assert_eq!(reviewed, made);
    let user = &asked[0].body["request"]["userInfo"]["username"];
    assert_eq!(
        user,
        "system:serviceaccount:kube-system:replicaset-controller"
    );
    assert!(!cluster.reasons().contains(&"FailedCreate".to_owned()));
    cluster.wait(30, |cluster| cluster.is_rolled_out("web"));
}

#[test]
fn a_denial_is_a_failure_that_is_tried_again_later() {
    let mut cluster = Cluster::new();
    cluster.judge_pods();
    cluster.deployment(1, "i");
    cluster.run(1);
    let denied = json!({"allowed": false, "status": {"message": "no"}});
    assert!(!cluster.answer_all(&denied).is_empty());
    assert!(cluster.reasons().contains(&"FailedCreate".to_owned()));
    cluster.run(1);
    cluster.answer_all(&json!({"allowed": true}));
    cluster.run(60);
    cluster.answer_all(&json!({"allowed": true}));
    cluster.wait(30, |cluster| cluster.is_rolled_out("web"));
}

#[test]
fn one_webhook_that_never_answers_stops_no_other_controller() {
    let mut cluster = Cluster::new();
    cluster.judge_pods();
    cluster.deployment(1, "i");
    cluster.run(60);
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}});
    cluster.create(&known::NAMESPACES, namespace);
    cluster.run(1);
    let account = cluster
        .session()
        .get(&known::SERVICE_ACCOUNTS, "n", "default");
    assert!(account.is_some());
    // A Deployment is none the worse for it: its status is written.
    let deployment = cluster.get(&known::DEPLOYMENTS, "web").unwrap();
    assert_eq!(deployment["status"]["observedGeneration"], 1);
    assert_eq!(cluster.world.api.take_questions().len(), 1);
}

#[test]
fn a_definition_is_established_once_a_webhook_has_agreed_to_its_status() {
    let mut cluster = Cluster::new();
    let rules = json!([{"operations": ["UPDATE"], "apiGroups": ["apiextensions.k8s.io"], "apiVersions": ["*"],
        "resources": ["*/status"]}]);
    let (resource, object) = hook(&rules);
    cluster.create(&resource, object);
    let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}});
    let definitions = &known::CUSTOM_RESOURCE_DEFINITIONS;
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
            "versions": [version]}});
    cluster.create(definitions, definition);
    assert!(!cluster.answer_all(&json!({"allowed": true})).is_empty());
    let conditions = cluster.list(definitions)[0]["status"]["conditions"].clone();
    let conditions = conditions.as_array().unwrap();
    let established = conditions
        .iter()
        .any(|condition| condition["type"] == "Established" && condition["status"] == "True");
    assert!(established, "{conditions:?}");
}

#[test]
fn worlds_with_one_seed_ask_the_same() {
    let run = || {
        let mut cluster = Cluster::seeded(11);
        cluster.judge_pods();
        cluster.deployment(2, "i");
        let asked = cluster.answer_all(&json!({"allowed": true}));
        asked
            .into_iter()
            .map(|question| question.body)
            .collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}

#[test]
fn a_policy_says_which_generation_was_looked_at() {
    let mut cluster = Cluster::new();
    let rules = json!([{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]);
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "p"},
        "spec": {"matchConstraints": {"resourceRules": rules}, "validations": [{"expression": "true"}]},
    });
    let policies = &known::VALIDATING_ADMISSION_POLICIES;
    cluster.create(policies, policy);
    cluster.run(1);
    let status = cluster.list(policies)[0]["status"].clone();
    assert_eq!(status, json!({"observedGeneration": 1, "typeChecking": {}}));
}
