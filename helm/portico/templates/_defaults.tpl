{{/* Made from values.yaml by npm run generate. */}}
{{- define "portico.defaults" -}}
{
  "image": {
    "repository": "",
    "tag": "",
    "digest": "",
    "pullPolicy": "IfNotPresent"
  },
  "imagePullSecrets": [],
  "nameOverride": "",
  "fullnameOverride": "",
  "replicaCount": 1,
  "autoscaling": {
    "enabled": false,
    "kind": "hpa",
    "minReplicas": 3,
    "maxReplicas": 30,
    "cpuPercent": 65,
    "liveStreams": 5000,
    "scaleDownPercent": 10,
    "scaleDownAfterSeconds": 300,
    "keda": {
      "prometheusUrl": ""
    }
  },
  "podDisruptionBudget": {
    "maxUnavailable": 1
  },
  "secrets": {
    "database": {
      "name": "",
      "key": "url"
    },
    "refreshKey": {
      "name": "",
      "key": "refresh-key"
    },
    "signingKeys": {
      "name": ""
    },
    "redisUrl": {
      "name": "",
      "key": "url"
    },
    "redisPassword": {
      "name": "",
      "key": "password"
    },
    "redisSentinelPassword": {
      "name": "",
      "key": "password"
    },
    "bucketKey": {
      "name": "",
      "key": "secretAccessKey"
    },
    "apnsKey": {
      "name": "",
      "key": "apns-key"
    },
    "fcmAccount": {
      "name": "",
      "key": "fcm-account"
    }
  },
  "tls": {
    "public": {
      "secretName": "",
      "certificate": {
        "enabled": false,
        "issuerRef": {
          "name": "",
          "kind": "ClusterIssuer",
          "group": "cert-manager.io"
        },
        "dnsNames": [],
        "duration": "2160h",
        "renewBefore": "720h"
      },
      "plaintext": false
    },
    "internal": {
      "secretName": "",
      "clientCaKey": "",
      "certificate": {
        "enabled": false,
        "issuerRef": {
          "name": "",
          "kind": "ClusterIssuer",
          "group": "cert-manager.io"
        },
        "dnsNames": [],
        "duration": "2160h",
        "renewBefore": "720h"
      }
    }
  },
  "config": {},
  "extraEnv": [],
  "service": {
    "public": {
      "type": "ClusterIP",
      "port": 443,
      "annotations": {},
      "spec": {}
    },
    "internal": {
      "port": 8444
    },
    "admin": {
      "port": 8445
    },
    "peers": {
      "enabled": true
    }
  },
  "networkPolicy": {
    "enabled": false,
    "publicFrom": [],
    "internalFrom": [
      {
        "namespaceSelector": {
          "matchLabels": {
            "portico-internal": "true"
          }
        }
      }
    ],
    "adminFrom": [
      {
        "namespaceSelector": {
          "matchLabels": {
            "kubernetes.io/metadata.name": "monitoring"
          }
        }
      }
    ],
    "egress": {
      "enabled": true,
      "databasePorts": [
        5432
      ],
      "redisPorts": [
        6379
      ],
      "more": []
    }
  },
  "routes": {
    "tls": {
      "enabled": false,
      "parentRefs": [],
      "hostnames": [],
      "annotations": {}
    },
    "grpc": {
      "enabled": false,
      "parentRefs": [],
      "hostnames": [],
      "annotations": {}
    },
    "http": {
      "enabled": false,
      "parentRefs": [],
      "hostnames": [],
      "annotations": {}
    },
    "backendTls": {
      "enabled": false,
      "hostname": "",
      "caConfigMap": ""
    },
    "envoyGateway": {
      "enabled": false
    },
    "gke": {
      "enabled": false
    }
  },
  "ingress": {
    "enabled": false,
    "className": "",
    "hosts": [],
    "passthrough": true,
    "tlsSecretName": "",
    "controller": "",
    "annotations": {}
  },
  "monitoring": {
    "labels": {},
    "interval": "30s",
    "serviceMonitor": {
      "enabled": false
    },
    "podMonitor": {
      "enabled": false
    },
    "rules": {
      "enabled": false
    },
    "dashboards": {
      "enabled": false,
      "labels": {
        "grafana_dashboard": "1"
      },
      "annotations": {}
    }
  },
  "serviceAccount": {
    "create": true,
    "name": "",
    "annotations": {}
  },
  "migrations": {
    "mode": "hook",
    "activeDeadlineSeconds": 600,
    "backoffLimit": 3,
    "resources": {
      "requests": {
        "cpu": "50m",
        "memory": "128Mi"
      },
      "limits": {
        "memory": "256Mi"
      }
    }
  },
  "resources": {
    "requests": {
      "cpu": "250m",
      "memory": "384Mi"
    },
    "limits": {
      "memory": "768Mi"
    }
  },
  "preStopSleepSeconds": 10,
  "terminationGracePeriodSeconds": 75,
  "podAnnotations": {},
  "nodeSelector": {},
  "tolerations": [],
  "affinity": {},
  "priorityClassName": "",
  "extraVolumes": [],
  "extraVolumeMounts": [],
  "test": {
    "enabled": true,
    "resources": {
      "requests": {
        "cpu": "50m",
        "memory": "128Mi"
      },
      "limits": {
        "memory": "256Mi"
      }
    }
  },
  "podTemplate": {},
  "extraObjects": []
}
{{- end }}
