package main

import (
	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	envoy "github.com/envoyproxy/gateway/api/v1alpha1"
	keda "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
	gatewayalpha "sigs.k8s.io/gateway-api/apis/v1alpha2"
)

// allTypes is Kubernetes' own scheme with the types of the operators that the chart has options for.
func allTypes() (*runtime.Scheme, error) {
	for _, add := range []func(*runtime.Scheme) error{
		certmanager.AddToScheme, envoy.AddToScheme, keda.AddToScheme, monitoring.AddToScheme, gateway.Install, gatewayalpha.Install, addGoogle,
	} {
		if err := add(scheme.Scheme); err != nil {
			return nil, err
		}
	}
	return scheme.Scheme, nil
}

// The policies of GKE's Gateway controller, as far as the chart sets them: their Go module is not published. As of the
// reference https://docs.cloud.google.com/kubernetes-engine/docs/how-to/configure-gateway-resources.

// GCPBackendPolicy bounds the connections of a load balancer to a Service.
type GCPBackendPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Default struct {
			TimeoutSec         int `json:"timeoutSec"`
			ConnectionDraining struct {
				DrainingTimeoutSec int `json:"drainingTimeoutSec"`
			} `json:"connectionDraining"`
		} `json:"default"`
		TargetRef googleTarget `json:"targetRef"`
	} `json:"spec"`
}

// HealthCheckPolicy is what a load balancer asks each pod.
type HealthCheckPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Default struct {
			CheckIntervalSec   int `json:"checkIntervalSec"`
			TimeoutSec         int `json:"timeoutSec"`
			HealthyThreshold   int `json:"healthyThreshold"`
			UnhealthyThreshold int `json:"unhealthyThreshold"`
			Config             struct {
				Type            string `json:"type"`
				HTTPHealthCheck struct {
					PortSpecification string `json:"portSpecification"`
					Port              int    `json:"port"`
					RequestPath       string `json:"requestPath"`
				} `json:"httpHealthCheck"`
			} `json:"config"`
		} `json:"default"`
		TargetRef googleTarget `json:"targetRef"`
	} `json:"spec"`
}

type googleTarget struct {
	Group string `json:"group"`
	Kind  string `json:"kind"`
	Name  string `json:"name"`
}

// DeepCopyObject is asked for by runtime.Object.
func (policy *GCPBackendPolicy) DeepCopyObject() runtime.Object { copied := *policy; return &copied }

// DeepCopyObject is asked for by runtime.Object.
func (policy *HealthCheckPolicy) DeepCopyObject() runtime.Object { copied := *policy; return &copied }

func addGoogle(to *runtime.Scheme) error {
	to.AddKnownTypes(schema.GroupVersion{Group: "networking.gke.io", Version: "v1"}, &GCPBackendPolicy{}, &HealthCheckPolicy{})
	return nil
}
