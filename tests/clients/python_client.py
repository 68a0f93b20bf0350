"""The Kubernetes client for Python (PyPI `kubernetes`) against a server, unmodified.

Reads KUBECONFIG, works in the namespace of CLIENT_NAMESPACE, prints a line per step.
"""

import os
import threading
import time

from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.exceptions import ApiException

NAMESPACE = os.environ["CLIENT_NAMESPACE"]
GROUP = "python.example.com"


def refused(status, reason, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except ApiException as error:
        assert error.status == status, error
        assert f'"reason":"{reason}"' in error.body, error.body
        return
    raise AssertionError(f"{call} was not refused")


def config_maps(core):
    meta = client.V1ObjectMeta(name="one", labels={"by": "python"})
    made = core.create_namespaced_config_map(NAMESPACE, client.V1ConfigMap(metadata=meta, data={"a": "1"}))
    assert made.metadata.uid and made.metadata.creation_timestamp.tzinfo
    refused(409, "AlreadyExists", core.create_namespaced_config_map, NAMESPACE, client.V1ConfigMap(metadata=meta))
    made.data["a"] = "2"
    core.replace_namespaced_config_map("one", NAMESPACE, made)
    refused(409, "Conflict", core.replace_namespaced_config_map, "one", NAMESPACE, made)
    patched = core.patch_namespaced_config_map("one", NAMESPACE, {"data": {"b": "3"}})
    assert patched.data == {"a": "2", "b": "3"}, patched.data
    patched = core.patch_namespaced_config_map("one", NAMESPACE, [{"op": "remove", "path": "/data/a"}])
    assert patched.data == {"b": "3"}, patched.data
    listed = core.list_namespaced_config_map(NAMESPACE, label_selector="by=python", limit=1)
    assert [item.metadata.name for item in listed.items] == ["one"]
    # A Status of success comes as a plain dict, or as an object, by release of the client.
    dry = core.delete_namespaced_config_map("one", NAMESPACE, dry_run="All")
    assert dry["status"] == "Success" if isinstance(dry, dict) else dry.status == "Success"
    core.delete_namespaced_config_map("one", NAMESPACE)
    refused(404, "NotFound", core.read_namespaced_config_map, "one", NAMESPACE)


def watching(core):
    def write():
        for name in ("w1", "w2"):
            core.create_namespaced_config_map(
                NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"watched": "1"})))
        core.patch_namespaced_config_map("w1", NAMESPACE, {"data": {"x": "y"}})
        core.delete_namespaced_config_map("w2", NAMESPACE)

    start = core.list_namespaced_config_map(NAMESPACE, label_selector="watched").metadata.resource_version
    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    stream = watch.Watch()
    for event in stream.stream(core.list_namespaced_config_map, NAMESPACE, label_selector="watched",
                               resource_version=start, timeout_seconds=60):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == 4:
            stream.stop()
    writer.join()
    assert seen == [("ADDED", "w1"), ("ADDED", "w2"), ("MODIFIED", "w1"), ("DELETED", "w2")], seen
    # A watch from the beginning of time ends with an error, or goes on from what is there.
    quick = [e["type"] for e in watch.Watch().stream(core.list_namespaced_config_map, NAMESPACE,
                                                     label_selector="watched", timeout_seconds=1)]
    assert quick == ["ADDED"], quick


def deployments(apps, core):
    manifest = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
                 "template": {"metadata": {"labels": {"app": "web"}},
                              "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]}}},
    }
    utils.create_from_dict(client.ApiClient(), manifest, namespace=NAMESPACE)
    for event in watch.Watch().stream(apps.list_namespaced_deployment, NAMESPACE, timeout_seconds=60):
        if (event["object"].status.ready_replicas or 0) == 2:
            break
    else:
        raise AssertionError("the deployment is not ready")
    apps.patch_namespaced_deployment_scale("web", NAMESPACE, {"spec": {"replicas": 1}})
    assert apps.read_namespaced_deployment_scale("web", NAMESPACE).spec.replicas == 1
    change = {"spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": "A", "value": "B"}]}]}}}}
    changed = apps.patch_namespaced_deployment("web", NAMESPACE, change)
    assert changed.spec.template.spec.containers[0].image.endswith("web:1")
    assert changed.spec.template.spec.containers[0].env[0].value == "B"
    apps.delete_namespaced_deployment("web", NAMESPACE, propagation_policy="Foreground")
    for _ in range(600):
        if not apps.list_namespaced_deployment(NAMESPACE).items:
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the deployment is still there")
    assert not core.list_namespaced_pod(NAMESPACE, label_selector="app=web").items


def custom_objects(core):
    definitions = client.ApiextensionsV1Api()
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "size": {"type": "integer", "maximum": 9}}}}}
    definitions.create_custom_resource_definition({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things"},
                 "versions": [{"name": "v1", "served": True, "storage": True,
                               "schema": {"openAPIV3Schema": schema}}]},
    })
    for event in watch.Watch().stream(definitions.list_custom_resource_definition, timeout_seconds=60,
                                      field_selector=f"metadata.name=things.{GROUP}"):
        conditions = event["object"].status.conditions or []
        if any(c.type == "Established" and c.status == "True" for c in conditions):
            break
    things = client.CustomObjectsApi()
    where = (GROUP, "v1", NAMESPACE, "things")
    thing = {"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {"size": 1}}
    for _ in range(100):
        try:
            things.create_namespaced_custom_object(*where, thing)
            break
        except ApiException as error:
            assert error.status in (404, 429), error
    assert things.get_namespaced_custom_object(*where, "t")["spec"] == {"size": 1}
    thing["spec"]["size"] = 10
    thing["metadata"]["name"] = "u"
    refused(422, "Invalid", things.create_namespaced_custom_object, *where, thing)
    # With a list as the body the client sends a JSON patch, else a merge patch.
    patched = things.patch_namespaced_custom_object(*where, "t", {"spec": {"size": 2}})
    assert patched["spec"]["size"] == 2
    listed = things.list_namespaced_custom_object(*where)
    assert [item["metadata"]["name"] for item in listed["items"]] == ["t"]
    untyped = dynamic.DynamicClient(client.ApiClient())
    found = untyped.resources.get(api_version=f"{GROUP}/v1", kind="Thing")
    assert found.get(name="t", namespace=NAMESPACE).spec.size == 2
    found.delete(name="t", namespace=NAMESPACE)
    definitions.delete_custom_resource_definition(f"things.{GROUP}")


def main():
    config.load_kube_config()
    core, apps = client.CoreV1Api(), client.AppsV1Api()
    version = client.VersionApi().get_code()
    print("version", version.major, version.minor)
    groups = {group.name for group in client.ApisApi().get_api_versions().groups}
    assert {"apps", "batch", "policy", "rbac.authorization.k8s.io"} <= groups, groups
    for name, step in (("config maps", lambda: config_maps(core)), ("watching", lambda: watching(core)),
                       ("deployments", lambda: deployments(apps, core)),
                       ("custom objects", lambda: custom_objects(core))):
        step()
        print("ok:", name)


main()
