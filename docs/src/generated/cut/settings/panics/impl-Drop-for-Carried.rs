impl Drop for Carried {
    fn drop(&mut self) {
        if let Some(panicked) = self.0.take() {
            panicked.count();
            let Panicked { place, message } = panicked;
            tracing::error!(place, message, "panicked, and nobody waited for it any more");
        }
    }
}
