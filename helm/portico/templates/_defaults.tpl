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
    }
  },
  "tls": {
    "public": {
      "secretName": "",
      "plaintext": false
    },
    "internal": {
      "secretName": "",
      "clientCaKey": ""
    }
  },
  "config": {},
  "extraEnv": [],
  "service": {
    "public": {
      "type": "ClusterIP",
      "port": 443,
      "annotations": {}
    },
    "internal": {
      "port": 8444
    },
    "admin": {
      "port": 8445
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
  "extraVolumeMounts": []
}
{{- end }}
