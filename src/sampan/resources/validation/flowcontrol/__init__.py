"""What is wrong with objects of the flowcontrol.apiserver.k8s.io group."""
