"""What is known of faces: landmarks, mesh, tracks, and how a picture of one is cut out."""
