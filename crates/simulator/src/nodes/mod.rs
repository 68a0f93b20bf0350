//! Models of nodes: stages that pods and nodes pass through.
