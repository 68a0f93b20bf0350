package main

import (
	"context"
	"fmt"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/util/retry"
)

func mapKinds(_ context.Context, c *clients) error {
	groups, err := restmapper.GetAPIGroupResources(c.discovery)
	if err != nil {
		return err
	}
	mapper := restmapper.NewDiscoveryRESTMapper(groups)
	for kind, resource := range map[schema.GroupKind]string{
		{Kind: "ConfigMap"}:                                               "configmaps",
		{Group: "apps", Kind: "Deployment"}:                               "deployments",
		{Group: "networking.k8s.io", Kind: "NetworkPolicy"}:               "networkpolicies",
		{Group: "policy", Kind: "PodDisruptionBudget"}:                    "poddisruptionbudgets",
		{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}: "customresourcedefinitions",
	} {
		mapping, err := mapper.RESTMapping(kind)
		if err != nil {
			return err
		}
		if mapping.Resource.Resource != resource {
			return fmt.Errorf("%v is mapped to %v", kind, mapping.Resource)
		}
	}
	short := restmapper.NewShortcutExpander(mapper, c.discovery, nil)
	found, err := short.ResourceFor(schema.GroupVersionResource{Resource: "deploy"})
	if err != nil {
		return err
	}
	if found.Resource != "deployments" || found.Group != "apps" {
		return fmt.Errorf("deploy is short for %v", found)
	}
	_, lists, err := c.discovery.ServerGroupsAndResources()
	if err != nil {
		return err
	}
	if len(lists) < 20 {
		return fmt.Errorf("only %d lists of resources", len(lists))
	}
	return nil
}

// typedObjects goes through an object's life in both forms.
func typedObjects(ctx context.Context, c *clients) error {
	for name, form := range map[string]rest.ContentConfig{
		"json":     {ContentType: "application/json"},
		"protobuf": {ContentType: "application/vnd.kubernetes.protobuf", AcceptContentTypes: "application/vnd.kubernetes.protobuf,application/json"},
	} {
		config := rest.CopyConfig(c.config)
		config.ContentType, config.AcceptContentTypes = form.ContentType, form.AcceptContentTypes
		typed, err := kubernetes.NewForConfig(config)
		if err != nil {
			return err
		}
		if err := life(ctx, typed, c.namespace, "life-"+name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func life(ctx context.Context, typed kubernetes.Interface, namespace, name string) error {
	maps := typed.CoreV1().ConfigMaps(namespace)
	made, err := maps.Create(ctx, &core.ConfigMap{
		ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{"life": "yes"}},
		Data:       map[string]string{"a": "1"},
		BinaryData: map[string][]byte{"b": {0, 1, 255}},
	}, meta.CreateOptions{})
	if err != nil {
		return err
	}
	if _, err = maps.Create(ctx, &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: name}}, meta.CreateOptions{}); !errors.IsAlreadyExists(err) {
		return fmt.Errorf("created twice: %v", err)
	}
	stale := made.DeepCopy()
	made.Data["a"] = "2"
	if made, err = maps.Update(ctx, made, meta.UpdateOptions{}); err != nil {
		return err
	}
	stale.Data["a"] = "3"
	if _, err = maps.Update(ctx, stale, meta.UpdateOptions{}); !errors.IsConflict(err) {
		return fmt.Errorf("an old version was taken: %v", err)
	}
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		newest, err := maps.Get(ctx, name, meta.GetOptions{})
		if err != nil {
			return err
		}
		newest.Data["a"] = "4"
		_, err = maps.Update(ctx, newest, meta.UpdateOptions{})
		return err
	})
	if err != nil {
		return err
	}
	list, err := maps.List(ctx, meta.ListOptions{LabelSelector: "life=yes", FieldSelector: "metadata.name=" + name})
	if err != nil {
		return err
	}
	if len(list.Items) != 1 || list.Items[0].Data["a"] != "4" || list.Items[0].BinaryData["b"][2] != 255 {
		return fmt.Errorf("not as written: %v", list.Items)
	}
	uid := made.UID
	wrong := types.UID("no")
	err = maps.Delete(ctx, name, meta.DeleteOptions{Preconditions: &meta.Preconditions{UID: &wrong}})
	if !errors.IsConflict(err) {
		return fmt.Errorf("deleted another object: %v", err)
	}
	if err = maps.Delete(ctx, name, meta.DeleteOptions{Preconditions: &meta.Preconditions{UID: &uid}}); err != nil {
		return err
	}
	if _, err = maps.Get(ctx, name, meta.GetOptions{}); !errors.IsNotFound(err) {
		return fmt.Errorf("still there: %v", err)
	}
	_, err = maps.Create(ctx, &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: "Bad_Name"}}, meta.CreateOptions{})
	if !errors.IsInvalid(err) {
		return fmt.Errorf("a bad name was taken: %v", err)
	}
	return nil
}

func deployment(name string, replicas int32) *apps.Deployment {
	labels := map[string]string{"app": name}
	return &apps.Deployment{
		ObjectMeta: meta.ObjectMeta{Name: name, Labels: labels},
		Spec: apps.DeploymentSpec{
			Replicas: &replicas,
			Selector: &meta.LabelSelector{MatchLabels: labels},
			Template: core.PodTemplateSpec{
				ObjectMeta: meta.ObjectMeta{Labels: labels},
				Spec:       core.PodSpec{Containers: []core.Container{{Name: "web", Image: "registry.example/web:1"}}},
			},
		},
	}
}

func patches(ctx context.Context, c *clients) error {
	deployments := c.typed.AppsV1().Deployments(c.namespace)
	if _, err := deployments.Create(ctx, deployment("patched", 1), meta.CreateOptions{}); err != nil {
		return err
	}
	for _, patch := range []struct {
		kind types.PatchType
		text string
	}{
		{types.JSONPatchType, `[{"op":"add","path":"/metadata/annotations","value":{"json":"1"}}]`},
		{types.MergePatchType, `{"metadata":{"labels":{"merge":"1"}}}`},
		{types.StrategicMergePatchType, `{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"registry.example/side:1"}]}}}}`},
	} {
		// The controllers write beside us. The server tries a patch a few times, and then it is the client's turn.
		err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
			_, err := deployments.Patch(ctx, "patched", patch.kind, []byte(patch.text), meta.PatchOptions{})
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", patch.kind, err)
		}
	}
	found, err := deployments.Get(ctx, "patched", meta.GetOptions{})
	if err != nil {
		return err
	}
	if found.Annotations["json"] != "1" || found.Labels["merge"] != "1" || len(found.Spec.Template.Spec.Containers) != 2 {
		return fmt.Errorf("not as patched: %v", found)
	}
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		scale, err := deployments.GetScale(ctx, "patched", meta.GetOptions{})
		if err != nil {
			return err
		}
		scale.Spec.Replicas = 3
		_, err = deployments.UpdateScale(ctx, "patched", scale, meta.UpdateOptions{})
		return err
	})
	if err != nil {
		return err
	}
	if err = eventually(ctx, "three pods are ready", func() bool {
		found, err := deployments.Get(ctx, "patched", meta.GetOptions{})
		return err == nil && found.Status.ReadyReplicas == 3 && found.Status.ObservedGeneration == found.Generation
	}); err != nil {
		return err
	}
	foreground := meta.DeletePropagationForeground
	err = deployments.DeleteCollection(ctx, meta.DeleteOptions{PropagationPolicy: &foreground}, meta.ListOptions{LabelSelector: "merge=1"})
	if err != nil {
		return err
	}
	return eventually(ctx, "nothing is left of the deployment", func() bool {
		_, err := deployments.Get(ctx, "patched", meta.GetOptions{})
		pods, listed := c.typed.CoreV1().Pods(c.namespace).List(ctx, meta.ListOptions{LabelSelector: "app=patched"})
		return errors.IsNotFound(err) && listed == nil && len(pods.Items) == 0
	})
}
