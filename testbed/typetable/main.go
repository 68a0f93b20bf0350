// typetable prints what Carrick knows of the built-in Kubernetes API as data.
//
//	typetable types                  > crates/machinery/data/types.json
//	typetable protobuf               > crates/machinery/data/protobuf.json
//	typetable resources KUBECONFIG   > crates/machinery/data/resources.json
//
// types reflects over the Go structs and joins in the list types, defaults and required fields of the generated OpenAPI
// definitions. resources reads the aggregated discovery of a running kube-apiserver. One entry a line, no descriptions.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"
	generatedopenapi "k8s.io/kubernetes/pkg/generated/openapi"
)

// The group versions whose kinds are wanted: all that a kube-apiserver serves by default, and what webhooks speak.
var wanted = []string{
	"v1", "admission.k8s.io/v1", "admissionregistration.k8s.io/v1", "apiextensions.k8s.io/v1", "apiregistration.k8s.io/v1",
	"apps/v1", "authentication.k8s.io/v1", "authorization.k8s.io/v1", "autoscaling/v1", "autoscaling/v2", "batch/v1",
	"certificates.k8s.io/v1", "coordination.k8s.io/v1", "discovery.k8s.io/v1", "events.k8s.io/v1",
	"flowcontrol.apiserver.k8s.io/v1", "networking.k8s.io/v1", "node.k8s.io/v1", "policy/v1", "rbac.authorization.k8s.io/v1",
	"resource.k8s.io/v1", "scheduling.k8s.io/v1", "storage.k8s.io/v1",
}

// Types whose JSON form is not that of their fields.
var special = map[reflect.Type]string{
	reflect.TypeFor[resource.Quantity]():                            "quantity",
	reflect.TypeFor[intstr.IntOrString]():                           "intorstring",
	reflect.TypeFor[metav1.Time]():                                  "time",
	reflect.TypeFor[metav1.MicroTime]():                             "microtime",
	reflect.TypeFor[metav1.Duration]():                              "duration",
	reflect.TypeFor[metav1.FieldsV1]():                              "any",
	reflect.TypeFor[runtime.RawExtension]():                         "any",
	reflect.TypeFor[apiextensionsv1.JSON]():                         "any",
	reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrArray]():       "|array",
	reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrBool]():        "|bool",
	reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrStringArray](): "|strings",
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "types" {
		printTypes()
	} else if len(os.Args) == 2 && os.Args[1] == "protobuf" {
		printProtobuf()
	} else if len(os.Args) == 3 && os.Args[1] == "resources" {
		printResources(os.Args[2])
	} else {
		fmt.Fprintln(os.Stderr, "usage: typetable types | protobuf | resources KUBECONFIG")
		os.Exit(2)
	}
}

type table struct {
	definitions map[string]common.OpenAPIDefinition
	kinds       map[reflect.Type][][3]string
	types       map[reflect.Type]string // its line
}

func printTypes() {
	t := collect()
	lines := make([]string, 0, len(t.types))
	for _, line := range t.types {
		lines = append(lines, line)
	}
	sort.Strings(lines)
	printLines(lines)
}

func collect() table {
	scheme := clientscheme.Scheme
	utilruntime.Must(apiextensionsv1.AddToScheme(scheme))
	utilruntime.Must(apiregistrationv1.AddToScheme(scheme))
	utilruntime.Must(admissionv1.AddToScheme(scheme))
	t := table{
		definitions: generatedopenapi.GetOpenAPIDefinitions(func(path string) spec.Ref { return spec.MustCreateRef(path) }),
		kinds:       map[reflect.Type][][3]string{},
		types:       map[reflect.Type]string{},
	}
	metaPackage := reflect.TypeFor[metav1.Status]().PkgPath()
	add := func(gv schema.GroupVersion, kind string, typ reflect.Type) {
		t.kinds[typ] = append(t.kinds[typ], [3]string{gv.Group, gv.Version, kind})
	}
	for _, text := range wanted {
		gv, err := schema.ParseGroupVersion(text)
		utilruntime.Must(err)
		for kind, typ := range scheme.KnownTypes(gv) {
			// The options and Status are registered with every group: they are printed once, under meta.k8s.io.
			if typ.PkgPath() != metaPackage {
				add(gv, kind, typ)
			}
		}
	}
	for _, object := range []any{
		metav1.Status{}, metav1.APIVersions{}, metav1.APIGroupList{}, metav1.APIGroup{}, metav1.APIResourceList{},
		metav1.ListOptions{}, metav1.GetOptions{}, metav1.DeleteOptions{}, metav1.CreateOptions{}, metav1.UpdateOptions{},
		metav1.PatchOptions{}, metav1.WatchEvent{}, metav1.Table{}, metav1.PartialObjectMetadata{},
		metav1.PartialObjectMetadataList{}, metav1.TableOptions{}, metav1.List{},
	} {
		typ := reflect.TypeOf(object)
		add(metav1.SchemeGroupVersion, typ.Name(), typ)
	}
	for typ := range t.kinds {
		t.visit(typ)
	}
	return t
}

func printLines(lines []string) {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintln(out, "[")
	for i, line := range lines {
		end := ","
		if i == len(lines)-1 {
			end = ""
		}
		fmt.Fprintln(out, line+end)
	}
	fmt.Fprintln(out, "]")
}

// model is the OpenAPI model name of a type.
func model(typ reflect.Type) string {
	if named, ok := reflect.New(typ).Interface().(interface{ OpenAPIModelName() string }); ok {
		return named.OpenAPIModelName()
	}
	path := strings.Split(typ.PkgPath(), "/")
	parts := strings.Split(path[0], ".")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(append(append(parts, path[1:]...), typ.Name()), ".")
}

func short(name string) string { return strings.TrimPrefix(name, "io.k8s.") }

// marshal is json.Marshal without the escaping of HTML.
func marshal(value any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	utilruntime.Must(e.Encode(value))
	return strings.TrimSpace(b.String())
}

// One line: [model, Go name, flags, kinds, [field, …]].
// Flags of a type: "a" x-kubernetes-map-type atomic.
func (t *table) visit(typ reflect.Type) {
	if _, done := t.types[typ]; done {
		return
	}
	t.types[typ] = ""
	name := model(typ)
	definition := t.definitions[name]
	if _, ok := t.definitions[name]; !ok {
		fmt.Fprintln(os.Stderr, "no OpenAPI definition:", name)
	}
	flags := ""
	if definition.Schema.Extensions["x-kubernetes-map-type"] == "atomic" {
		flags = "a"
	}
	kinds := t.kinds[typ]
	sort.Slice(kinds, func(i, j int) bool { return fmt.Sprint(kinds[i]) < fmt.Sprint(kinds[j]) })
	if kinds == nil {
		kinds = [][3]string{}
	}
	fields := []any{}
	for i := range typ.NumField() {
		if field := t.field(typ.Field(i), definition); field != nil {
			fields = append(fields, field)
		}
	}
	t.types[typ] = marshal([]any{short(name), typ.String(), flags, kinds, fields})
}

// A field: [JSON name, type, flags, extra?].
// Flags: p pointer, e omitempty, z omitzero, i inline, r required, m map atomic, g map granular, A S M list type.
// Extra: k map keys of the list, s patch strategy, g patch merge key, d default, t Go's spelling of a named list or map.
func (t *table) field(f reflect.StructField, definition common.OpenAPIDefinition) []any {
	if !f.IsExported() {
		return nil
	}
	tag := strings.Split(f.Tag.Get("json"), ",")
	name, flags, typ := tag[0], "", f.Type
	if name == "-" {
		return nil
	}
	if name == "" && !f.Anonymous {
		name = f.Name
	}
	if typ.Kind() == reflect.Pointer {
		flags, typ = flags+"p", typ.Elem()
	}
	for _, option := range tag[1:] {
		switch option {
		case "omitempty":
			flags += "e"
		case "omitzero":
			flags += "z"
		case "inline", "":
		default:
			fmt.Fprintln(os.Stderr, "unknown option:", option, f)
		}
	}
	if f.Anonymous && name == "" {
		flags += "i"
	}
	for _, required := range definition.Schema.Required {
		if required == name {
			flags += "r"
		}
	}
	property := definition.Schema.Properties[name]
	extra := map[string]any{}
	if property.Extensions["x-kubernetes-map-type"] == "atomic" {
		flags += "m"
	}
	if property.Extensions["x-kubernetes-map-type"] == "granular" {
		flags += "g"
	}
	switch property.Extensions["x-kubernetes-list-type"] {
	case "atomic":
		flags += "A"
	case "set":
		flags += "S"
	case "map":
		flags += "M"
		extra["k"] = property.Extensions["x-kubernetes-list-map-keys"]
	}
	if typ.Kind() == reflect.Map && (typ.PkgPath() != "" || typ.Key().PkgPath() != "") ||
		typ.Kind() == reflect.Slice && (typ.PkgPath() != "" || typ.Elem().Kind() == reflect.Pointer) {
		extra["t"] = typ.String()
	}
	if s := f.Tag.Get("patchStrategy"); s != "" {
		extra["s"] = s
	}
	if k := f.Tag.Get("patchMergeKey"); k != "" {
		extra["g"] = k
	}
	switch text := marshal(property.Default); text {
	case "null", `""`, "0", "false", "{}", "[]":
	default:
		extra["d"] = property.Default
	}
	field := []any{name, t.ref(typ), flags}
	if len(extra) > 0 {
		field = append(field, extra)
	}
	return field
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// ref spells a type: a word for a scalar (named strings and integers with ":" and Go's name), "[]" list, "{}" map,
// "|bool:" (and "|array:", "|strings:") a JSON schema or that, "@" a struct by its model.
func (t *table) ref(typ reflect.Type) string {
	if word, ok := special[typ]; ok {
		if strings.HasPrefix(word, "|") {
			props := reflect.TypeFor[apiextensionsv1.JSONSchemaProps]()
			t.visit(props)
			return word + ":" + short(model(props))
		}
		return word
	}
	if reflect.PointerTo(typ).Implements(unmarshaler) {
		fmt.Fprintln(os.Stderr, "custom JSON:", typ)
	}
	switch typ.Kind() {
	case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64, reflect.Float64:
		if typ.PkgPath() != "" {
			return typ.Kind().String() + ":" + typ.String()
		}
		return typ.Kind().String()
	case reflect.Slice:
		if typ.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		return "[]" + t.ref(typ.Elem())
	case reflect.Map:
		return "{}" + t.ref(typ.Elem())
	case reflect.Struct:
		t.visit(typ)
		return "@" + short(model(typ))
	case reflect.Interface:
		return "any"
	default:
		fmt.Fprintln(os.Stderr, "unknown kind:", typ, typ.Kind())
		if typ.Kind() == reflect.Pointer {
			return t.ref(typ.Elem())
		}
		return "any"
	}
}
