// Reads Kubernetes manifests from stdin into the Go types of Kubernetes and of the operators in types.go, strictly: a
// field that does not exist, is given twice or has another type is an error, and so are names and labels that the API
// server would refuse.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/yaml"
)

func main() {
	types, err := allTypes()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	decoder := serializer.NewCodecFactory(types, serializer.EnableStrict).UniversalDeserializer()
	reader := yaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	count, wrong := 0, 0
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		count++
		object, kind, err := decoder.Decode(document, nil, nil)
		if err == nil {
			err = checkNames(object, kind.Kind)
		}
		if err != nil {
			wrong++
			fmt.Fprintf(os.Stderr, "document %d (%v): %v\n", count, kind, err)
		}
	}
	fmt.Printf("%d manifests, %d wrong\n", count, wrong)
	if wrong > 0 || count == 0 {
		os.Exit(1)
	}
}

// checkNames holds metadata against the rules of the API server, which a schema does not have.
func checkNames(object runtime.Object, kind string) error {
	of, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	rule := validation.IsDNS1123Subdomain
	if kind == "Service" {
		rule = validation.IsDNS1035Label
	}
	wrong := rule(of.GetName())
	wrong = append(wrong, validation.IsDNS1123Label(of.GetNamespace())...)
	for key, value := range of.GetLabels() {
		wrong = append(wrong, validation.IsQualifiedName(key)...)
		wrong = append(wrong, validation.IsValidLabelValue(value)...)
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	return nil
}
